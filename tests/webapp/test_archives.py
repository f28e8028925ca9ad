"""ZIP archives from strangers."""

import io
import zipfile

import pytest

from webapp.archives import ArchiveError, ArchiveTooLargeError, Limits, Member, is_archive, members

LIMITS = Limits(files=10, expanded_bytes=100_000, member_bytes=50_000, expansion=200)


def pack(**contents: bytes) -> io.BytesIO:
    return packed(list(contents.items()))


def packed(contents: list[tuple[str, bytes]]) -> io.BytesIO:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in contents:
            archive.writestr(name, content)
    file.seek(0)
    return file


def found(file: io.BytesIO, limits: Limits = LIMITS) -> list[Member]:
    return list(members(file, limits))


def test_members_come_in_order_with_their_content() -> None:
    assert found(pack(b=b"two", a=b"one")) == [Member("b", b"two"), Member("a", b"one")]


def test_an_archive_is_known_by_its_bytes_and_not_by_its_name() -> None:
    assert is_archive(pack(a=b"one").read(4))
    assert is_archive(pack().read(4))
    assert not is_archive(b"\x89PNG")


def test_folders_and_hidden_files_are_no_members() -> None:
    file = packed([("f/", b""), ("f/a", b"1"), ("__MACOSX/f/a", b"2"), ("f/.DS_Store", b"3")])

    assert [one.label for one in found(file)] == ["f/a"]


def test_a_path_that_leads_out_is_a_label_and_nothing_more() -> None:
    assert found(packed([("../../etc/x.png", b"1")])) == [Member("../../etc/x.png", b"1")]
    assert found(packed([("a\nb\x1b[2J.png", b"1")]))[0].label == "ab[2J.png"


def test_too_many_files_are_refused_before_any_is_unpacked() -> None:
    with pytest.raises(ArchiveTooLargeError, match="holds 11 files; at most 10"):
        found(packed([(str(at), b"") for at in range(11)]))


def test_more_than_may_be_unpacked_in_all_is_refused() -> None:
    with pytest.raises(ArchiveTooLargeError, match="unpacks to 120,000 bytes; at most 100,000"):
        found(packed([(str(at), bytes(range(256)) * 156 + bytes(64)) for at in range(3)]))


def test_one_member_that_is_too_large_does_not_stop_the_others() -> None:
    large, small = found(pack(large=bytes(range(256)) * 200, small=b"1"))

    assert large.problem == "It has 51,200 bytes; at most 50,000 are taken."
    assert small.content == b"1"


def test_what_unpacks_to_far_more_than_its_size_is_left_out() -> None:
    bomb, small = found(pack(bomb=bytes(49_000), small=b"1"))

    assert "more than 200 times its size" in str(bomb.problem)
    assert small.content == b"1"


def test_an_archive_within_an_archive_is_not_opened() -> None:
    inner, small = found(pack(inner=pack(a=b"1").read(), small=b"1"))

    assert "is an archive itself" in str(inner.problem)
    assert small.content == b"1"


def test_an_encrypted_member_is_named() -> None:
    data = bytearray(pack(a=b"secret").read())
    central = data.index(b"PK\x01\x02")
    data[central + 8] |= 1
    data[6] |= 1

    assert "encrypted" in str(found(io.BytesIO(bytes(data)))[0].problem)


def test_a_damaged_member_does_not_stop_the_others() -> None:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_STORED) as archive:
        archive.writestr("bad", b"to be spoilt")
        archive.writestr("good", b"1")
    bad, good = found(io.BytesIO(file.getvalue().replace(b"to be spoilt", b"TO BE SPOILT")))

    assert "damaged" in str(bad.problem)
    assert good.content == b"1"


@pytest.mark.parametrize("data", [b"", b"PK\x03\x04", b"PK\x03\x04" + bytes(200)])
def test_what_is_no_archive_is_said(data: bytes) -> None:
    with pytest.raises(ArchiveError, match="damaged"):
        found(io.BytesIO(data))


def test_an_empty_archive_has_no_members() -> None:
    assert found(pack()) == []
