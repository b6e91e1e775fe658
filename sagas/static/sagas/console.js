"use strict";

// Everything works without this file. It keeps a decision from being sent twice, and refreshes what a page shows.

// A decision is sent once, however often its button is pressed; a page that comes back from the cache can decide anew.
addEventListener("submit", (event) => {
  const form = event.target.closest(".sagas-console form[method=post]");
  if (!form) return;
  if (form.dataset.sent) event.preventDefault();
  form.dataset.sent = "yes";
});
addEventListener("pageshow", () => document.querySelectorAll("form[data-sent]").forEach((form) => delete form.dataset.sent));

// Regions with data-live are fetched anew every few seconds: not while the tab is hidden, the person has paused it, has
// ticked a box, opened something or selected text in a region, or while the keyboard is in it.
const EVERY = 5000;
const box = document.getElementById("live");
const said = document.getElementById("live-said");

function busy(region) {
  const selection = getSelection();
  return region.querySelector("input:checked, details[open]") !== null
    || region.contains(document.activeElement)
    || (!selection.isCollapsed && region.contains(selection.anchorNode));
}

async function refresh() {
  if (document.hidden || !box.checked) return;
  let fresh;
  try {
    const answer = await fetch(location.href, {headers: {"X-Requested-With": "fetch"}, redirect: "error"});
    if (!answer.ok) throw new Error(String(answer.status));
    fresh = new DOMParser().parseFromString(await answer.text(), "text/html");
  } catch (error) {
    said.textContent = "The server does not answer; what you see is getting old.";
    return;
  }
  said.textContent = "";
  for (const region of document.querySelectorAll("[data-live]")) {
    const now = fresh.getElementById(region.id);
    if (now && !busy(region) && now.innerHTML !== region.innerHTML) {
      region.className = now.className;
      region.replaceChildren(...now.childNodes);
    }
  }
}

if (box) {
  box.closest(".refresh").hidden = false;
  box.checked = sessionStorage.getItem("sagas-live") !== "off";
  box.addEventListener("change", () => sessionStorage.setItem("sagas-live", box.checked ? "on" : "off"));
  setInterval(refresh, EVERY);
}
