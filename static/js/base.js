import { enhanceForms } from "./fragments.js";
import { listenForKeys } from "./keys.js";
import { fetchPicturesOnOpening } from "./pictures.js";
import { localise } from "./times.js";

enhanceForms();
fetchPicturesOnOpening();
listenForKeys();
localise(document);
