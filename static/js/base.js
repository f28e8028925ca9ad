import { followAnswers } from "./answers.js";
import { offerCopying } from "./copy.js";
import { enhanceForms } from "./fragments.js";
import { listenForKeys } from "./keys.js";
import { fetchPicturesOnOpening } from "./pictures.js";
import { localise } from "./times.js";

document.documentElement.classList.add("has-scripts");
enhanceForms();
followAnswers();
offerCopying();
fetchPicturesOnOpening();
listenForKeys();
localise(document);
