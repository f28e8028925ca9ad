"""Who is asking: a visitor known by a signed cookie, a reviewer who signed in."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import wraps
from typing import ParamSpec, cast

from flask import (
    Blueprint,
    Flask,
    Response,
    abort,
    current_app,
    flash,
    g,
    redirect,
    render_template,
    request,
    url_for,
)
from flask.typing import ResponseReturnValue
from flask_login import LoginManager, current_user, login_user, logout_user
from itsdangerous import BadSignature, URLSafeSerializer
from sqlalchemy.exc import IntegrityError

from webapp.db import begin_write, db
from webapp.models import (
    Action,
    Batch,
    Correction,
    Digit,
    Reviewer,
    SignInLink,
    Submission,
    Visitor,
)
from webapp.models.types import now
from webapp.security import ONE_YEAR_SECONDS, limiter

VISITOR_COOKIE = "inkling_visitor"
SALT = "inkling visitor"

bp = Blueprint("auth", __name__, url_prefix="/auth")
login_manager = LoginManager()
P = ParamSpec("P")


@dataclass(frozen=True)
class Actor:
    """Who is asking; both are None for someone who never had anything saved."""

    visitor: Visitor | None
    reviewer: Reviewer | None

    def may_see(self, thing: Submission | Digit | Batch) -> bool:
        """Tell whether a submission, digit or batch is the actor's own, or the actor a reviewer."""
        if self.reviewer is not None:
            return True
        return self.visitor is not None and thing.visitor_id == self.visitor.id

    def made(self, thing: Correction | Action) -> bool:
        """Tell whether a correction or an action is the actor's own, and so theirs to undo."""
        if self.reviewer is not None and thing.reviewer_id == self.reviewer.id:
            return True
        return self.visitor is not None and thing.visitor_id == self.visitor.id


def init_app(app: Flask) -> None:
    """Attach signing in and the visitor cookie to the application."""
    login_manager.init_app(app)
    login_manager.login_view = "auth.sign_in"
    login_manager.session_protection = None
    app.after_request(_set_visitor_cookie)


@login_manager.user_loader
def _load_reviewer(session_id: str) -> Reviewer | None:
    return Reviewer.signed_in(session_id)


def current_actor() -> Actor:
    """Return who is asking."""
    visitor_id = visitor_id_of_request()
    visitor = db.session.get(Visitor, visitor_id) if visitor_id else None
    return Actor(visitor, current_reviewer())


def current_reviewer() -> Reviewer | None:
    """Return the reviewer who is signed in, if one is."""
    return cast(Reviewer, current_user) if current_user.is_authenticated else None


def visitor_id_of_request() -> str | None:
    """Return the id that the visitor cookie carries, None without a genuine cookie."""
    if "new_visitor_id" in g:
        return cast(str, g.new_visitor_id)
    try:
        value = _serializer().loads(request.cookies.get(VISITOR_COOKIE, ""))
    except BadSignature:
        return None
    return value if isinstance(value, str) else None


def ensure_visitor() -> Visitor:
    """Return the visitor who is asking; make one, and set the cookie, for a new one."""
    visitor_id = visitor_id_of_request()
    visitor = db.session.get(Visitor, visitor_id) if visitor_id else None
    if visitor is None:
        visitor = Visitor()
        db.session.add(visitor)
        db.session.flush()
        remember_visitor(visitor.id)
    return visitor


def remember_visitor(visitor_id: str) -> None:
    """Let the response of this request set the visitor cookie."""
    g.new_visitor_id = visitor_id


def _serializer() -> URLSafeSerializer:
    return URLSafeSerializer(current_app.secret_key or "", salt=SALT)


def _set_visitor_cookie(response: Response) -> Response:
    visitor_id = g.pop("new_visitor_id", None)
    if visitor_id is not None and response.status_code < 400:
        response.set_cookie(
            VISITOR_COOKIE,
            str(_serializer().dumps(visitor_id)),
            max_age=ONE_YEAR_SECONDS,
            httponly=True,
            samesite="Lax",
            secure=current_app.config["INKLING_HTTPS"] or request.is_secure,
        )
    return response


def reviewer_required(
    view: Callable[P, ResponseReturnValue],
) -> Callable[P, ResponseReturnValue]:
    """Let only reviewers see a page; others are asked to sign in."""

    @wraps(view)
    def guarded(*args: P.args, **kwargs: P.kwargs) -> ResponseReturnValue:
        if current_user.is_authenticated:
            return view(*args, **kwargs)
        back = request.full_path.rstrip("?") if request.method in ("GET", "HEAD") else None
        return redirect(url_for("auth.sign_in", next=back), 303)

    return guarded


@bp.get("/sign-in")
def sign_in() -> ResponseReturnValue:
    """Show the form by which a reviewer signs in."""
    return render_template("auth/sign_in.html", next=request.args.get("next"), name="", error=None)


@bp.post("/sign-in")
@limiter.limit(lambda: current_app.config["INKLING_SIGN_IN_LIMIT"])
def sign_in_post() -> ResponseReturnValue:
    """Check name and password."""
    name, password = request.form.get("name", ""), request.form.get("password", "")
    reviewer = Reviewer.named(name)
    if reviewer is None or not reviewer.has_password(password):
        error = "Name or password is wrong. A new link for a forgotten one: flask reviewers link."
        page = render_template(
            "auth/sign_in.html", next=request.form.get("next"), name=name, error=error
        )
        return page, 401
    login_user(reviewer)
    return redirect(_safe_target(request.form.get("next")), 303)


@bp.post("/sign-out")
def sign_out() -> ResponseReturnValue:
    """Forget the reviewer; the visitor cookie stays."""
    logout_user()
    return redirect(url_for("draw.index"), 303)


@bp.get("/link/<token>")
def link(token: str) -> ResponseReturnValue:
    """Show the form behind a one-time link."""
    return _link_page(_usable_link(token), token)


@bp.post("/link/<token>")
@limiter.limit(lambda: current_app.config["INKLING_SIGN_IN_LIMIT"])
def link_post(token: str) -> ResponseReturnValue:
    """Use up a one-time link: make the reviewer, or set a new password."""
    begin_write()
    found = _usable_link(token)
    name, password = request.form.get("name", ""), request.form.get("password", "")
    try:
        reviewer = _reviewer_of(found, name, password)
        found.used_at = now()
        db.session.commit()
    except (ValueError, IntegrityError) as error:
        db.session.rollback()
        message = str(error) if isinstance(error, ValueError) else "That name is taken."
        return _link_page(_usable_link(token), token, name=name, error=message), 400
    login_user(reviewer)
    flash(f"Welcome, {reviewer.name}. You can review now.")
    return redirect(url_for("review.index"), 303)


def _reviewer_of(found: SignInLink, name: str, password: str) -> Reviewer:
    reviewer = db.session.get(Reviewer, found.reviewer_id) if found.reviewer_id else None
    if reviewer is None:
        return Reviewer.add(name, password)
    reviewer.set_password(password)
    return reviewer


def _usable_link(token: str) -> SignInLink:
    found = SignInLink.usable(token)
    if found is None:
        abort(
            404,
            "This link was used already, or is older than a day. flask reviewers link makes one.",
        )
    return found


def _link_page(found: SignInLink, token: str, *, name: str = "", error: str | None = None) -> str:
    reviewer = db.session.get(Reviewer, found.reviewer_id) if found.reviewer_id else None
    return render_template("auth/link.html", token=token, reviewer=reviewer, name=name, error=error)


def _safe_target(target: str | None) -> str:
    """Return where to go on after signing in: a path of this site, never another site."""
    if not target or not re.fullmatch(r"/(?![/\\])[^\x00-\x1f\x7f]*", target):
        return url_for("review.index")
    return target
