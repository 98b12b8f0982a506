package org.naccds.bench;

import ca.uhn.fhir.rest.api.server.cdshooks.CdsServiceRequestJson;
import ca.uhn.hapi.fhir.cdshooks.api.CdsService;
import ca.uhn.hapi.fhir.cdshooks.api.CdsServicePrefetch;
import ca.uhn.hapi.fhir.cdshooks.api.json.CdsServiceIndicatorEnum;
import ca.uhn.hapi.fhir.cdshooks.api.json.CdsServiceResponseCardJson;
import ca.uhn.hapi.fhir.cdshooks.api.json.CdsServiceResponseCardSourceJson;
import ca.uhn.hapi.fhir.cdshooks.api.json.CdsServiceResponseJson;
import java.util.List;
import org.hl7.fhir.r4.model.Bundle;
import org.hl7.fhir.r4.model.Observation;
import org.springframework.context.annotation.Bean;
import org.springframework.context.annotation.Configuration;

/** One service that looks for the highest acetaminophen level, which is far less than the measured project does. */
@Configuration
public class Services {
  @Bean(name = "cdsServices")
  public List<Object> cdsServices() {
    return List.of(new HighestLevel());
  }

  /** The service itself. */
  public static final class HighestLevel {
    @CdsService(
        value = "highest-level",
        hook = "patient-view",
        title = "Highest level",
        description = "Names the highest level",
        prefetch = {
          @CdsServicePrefetch(value = "patient", query = "Patient/{{context.patientId}}"),
          @CdsServicePrefetch(value = "levels", query = "Observation?patient={{context.patientId}}")
        })
    public CdsServiceResponseJson call(CdsServiceRequestJson request) {
      Bundle levels = (Bundle) request.getPrefetch("levels");
      double highest =
          levels.getEntry().stream()
              .map(entry -> (Observation) entry.getResource())
              .filter(each -> "3298-7".equals(each.getCode().getCodingFirstRep().getCode()))
              .mapToDouble(each -> each.getValueQuantity().getValue().doubleValue())
              .max()
              .orElseThrow();
      CdsServiceResponseCardJson card =
          new CdsServiceResponseCardJson()
              .setSummary("Highest level " + highest)
              .setIndicator(CdsServiceIndicatorEnum.INFO)
              .setSource(new CdsServiceResponseCardSourceJson().setLabel("HAPI"));
      CdsServiceResponseJson response = new CdsServiceResponseJson();
      response.addCard(card);
      return response;
    }
  }
}
