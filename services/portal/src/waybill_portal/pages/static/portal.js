// @ts-check
"use strict";

/** Copies what a button names and says so; where a browser does not let it, the button shows it to be copied by hand. */
document.addEventListener("click", async (event) => {
  const button = event.target instanceof Element ? event.target.closest("[data-copy]") : null;
  if (!(button instanceof HTMLElement)) return;
  const text = button.dataset.copy ?? "";
  try {
    await navigator.clipboard.writeText(text);
    button.textContent = "Copied";
  } catch {
    button.textContent = text;
  }
});

/** A menu closes when somebody clicks elsewhere. */
document.addEventListener("click", (event) => {
  for (const menu of document.querySelectorAll("details.menu[open]")) {
    if (event.target instanceof Node && !menu.contains(event.target)) menu.removeAttribute("open");
  }
});

/** A menu closes by Escape, and what opened it has the focus again. */
document.addEventListener("keydown", (event) => {
  if (event.key !== "Escape") return;
  for (const menu of document.querySelectorAll("details.menu[open]")) {
    menu.removeAttribute("open");
    const summary = menu.querySelector("summary");
    if (summary !== null) summary.focus();
  }
});

/** Where the portal does not answer, the page says so, and keeps what was typed. */
document.addEventListener("htmx:sendError", () => {
  const notice = document.getElementById("notice");
  if (notice === null) return;
  const says = document.createElement("p");
  says.className = "problem";
  says.setAttribute("role", "alert");
  says.textContent = "The portal does not answer. Nothing you typed is lost: send it again in a moment.";
  notice.replaceChildren(says);
});

/** What was wrong with the request before is no news any more. */
document.addEventListener("htmx:beforeRequest", (event) => {
  const asks = event.target instanceof Element && event.target.closest("form");
  if (asks) document.getElementById("notice")?.replaceChildren();
});

/** What a program would be told is told to people as well, by its sentence alone. */
document.addEventListener("htmx:beforeSwap", (event) => {
  const { xhr } = /** @type {CustomEvent} */ (event).detail;
  if (!xhr.getResponseHeader("content-type")?.startsWith("application/problem+json")) return;
  const says = document.createElement("p");
  says.className = "problem";
  says.setAttribute("role", "alert");
  says.textContent = JSON.parse(xhr.responseText).detail;
  /** @type {CustomEvent} */ (event).detail.serverResponse = says.outerHTML;
});
