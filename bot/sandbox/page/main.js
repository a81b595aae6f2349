/** Starts the page and keeps it true: fetches what is shown whenever the feed says so. */

import * as api from "./api.js";

/** Parts that others build: absent ones are no error. */
function mountParts() {
  for (const [file, id] of [["./monogoto.js", "monogoto"], ["./guide.js", "guide"]]) {
    import(file)
      .then((part) => part.mount(document.getElementById(id), api))
      .catch((error) => console.info(`${file} is not here: ${error.message}`));
  }
}

mountParts();
api.listen();
