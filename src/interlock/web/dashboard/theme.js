// Before anything is painted: the theme that was chosen here last; without a choice, the system's.
"use strict";

try {
  const chosen = localStorage.getItem("interlock-theme");
  if (chosen === "dark" || chosen === "light") document.documentElement.dataset.theme = chosen;
} catch {
  // Storage is forbidden: the system's theme it is.
}
