"use strict";
// Asks for the list every two seconds and puts it in when it has changed; the server has escaped everything in it.
const list = document.getElementById("messages");
const state = document.getElementById("state");
let known = list.dataset.version;

async function look() {
  try {
    const answer = await fetch("/inbox/list", { headers: { "If-None-Match": known }, cache: "no-store" });
    if (answer.status === 200) {
      known = answer.headers.get("ETag");
      list.innerHTML = await answer.text();
    }
    state.textContent = answer.status === 200 || answer.status === 304 ? "live" : `error ${answer.status}`;
  } catch {
    state.textContent = "no connection; trying again";
  }
  setTimeout(look, 2000);
}
setTimeout(look, 2000);
