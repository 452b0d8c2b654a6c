"use strict";

// Shows the schema; writes made with a session carry the CSRF token of the page.
(() => {
  const place = document.getElementById("swagger-ui");
  const token = () => (document.cookie.match(/(?:^|;\s*)(?:__Host-)?csrftoken=([^;]+)/) || [])[1];

  window.SwaggerUIBundle({
    url: place.dataset.schema,
    domNode: place,
    deepLinking: true,
    validatorUrl: null,
    requestInterceptor: (request) => {
      const sent = token();
      if (sent && new URL(request.url, location.href).origin === location.origin) {
        request.headers["X-CSRFToken"] = sent;
      }
      return request;
    },
  });
})();
