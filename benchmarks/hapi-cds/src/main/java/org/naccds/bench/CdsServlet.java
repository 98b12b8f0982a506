package org.naccds.bench;

import ca.uhn.hapi.fhir.cdshooks.api.ICdsServiceRegistry;
import com.fasterxml.jackson.databind.ObjectMapper;
import jakarta.servlet.http.HttpServlet;
import jakarta.servlet.http.HttpServletRequest;
import jakarta.servlet.http.HttpServletResponse;
import java.io.IOException;
import java.util.LinkedHashMap;

/** Discovery and calls over HTTP, as thin as the module's own controller. */
final class CdsServlet extends HttpServlet {
  private final transient ICdsServiceRegistry registry;
  private final transient ObjectMapper mapper;

  CdsServlet(ICdsServiceRegistry registry, ObjectMapper mapper) {
    this.registry = registry;
    this.mapper = mapper;
  }

  @Override
  protected void doGet(HttpServletRequest request, HttpServletResponse response) throws IOException {
    answer(response, registry.getCdsServicesJson());
  }

  @Override
  protected void doPost(HttpServletRequest request, HttpServletResponse response) throws IOException {
    Object body = mapper.readValue(request.getInputStream(), LinkedHashMap.class);
    answer(response, registry.callService(request.getPathInfo().substring(1), body));
  }

  private void answer(HttpServletResponse response, Object told) throws IOException {
    response.setContentType("application/json");
    mapper.writeValue(response.getOutputStream(), told);
  }
}
