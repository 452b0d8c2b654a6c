// Light, dark or as the system has it. Runs before the page is drawn, so nothing flashes.
(function () {
  "use strict";
  var KEY = "secureretail.theme";
  var NAMES = { system: "System", light: "Light", dark: "Dark" };
  var NEXT = { system: "light", light: "dark", dark: "system" };

  function stored() {
    try {
      var found = localStorage.getItem(KEY);
      return Object.hasOwn(NAMES, found) ? found : "system";
    } catch {
      return "system";
    }
  }

  function apply(choice) {
    if (choice === "system") {
      delete document.documentElement.dataset.theme;
    } else {
      document.documentElement.dataset.theme = choice;
    }
  }

  function show(choice) {
    document.querySelectorAll("[data-theme-button]").forEach(function (button) {
      button.hidden = false;
      button.querySelector("[data-theme-name]").textContent = NAMES[choice];
    });
  }

  apply(stored());
  document.addEventListener("DOMContentLoaded", function () {
    show(stored());
    document.addEventListener("click", function (event) {
      if (!event.target.closest("[data-theme-button]")) return;
      var choice = NEXT[stored()];
      try {
        localStorage.setItem(KEY, choice);
      } catch {
        // Without storage the choice lasts for this page.
      }
      apply(choice);
      show(choice);
    });
  });
})();
