"use strict";

// A decision is sent once, however often its button is pressed; a page that comes back from the cache can decide anew.
addEventListener("submit", (event) => {
  const form = event.target.closest("form.decide");
  if (!form) return;
  if (form.dataset.sent) event.preventDefault();
  form.dataset.sent = "yes";
});
addEventListener("pageshow", () => document.querySelectorAll("form.decide").forEach((form) => delete form.dataset.sent));
