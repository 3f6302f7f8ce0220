// Sets the theme that was chosen before anything is drawn; without a choice the system's counts.
"use strict";
try {
  const chosen = localStorage.getItem("theme");
  if (chosen === "dark" || chosen === "light") document.documentElement.dataset.theme = chosen;
} catch { /* Without storage there is no choice. */ }
