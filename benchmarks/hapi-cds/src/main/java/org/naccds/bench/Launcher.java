package org.naccds.bench;

import ca.uhn.fhir.context.FhirContext;
import ca.uhn.hapi.fhir.cdshooks.api.ICdsServiceRegistry;
import ca.uhn.hapi.fhir.cdshooks.module.CdsHooksObjectMapperFactory;
import ca.uhn.hapi.fhir.cdshooks.serializer.CdsServiceRequestJsonDeserializer;
import ca.uhn.hapi.fhir.cdshooks.svc.CdsHooksContextBooter;
import ca.uhn.hapi.fhir.cdshooks.svc.CdsServiceRegistryImpl;
import ca.uhn.hapi.fhir.cdshooks.svc.prefetch.CdsPrefetchDaoSvc;
import ca.uhn.hapi.fhir.cdshooks.svc.prefetch.CdsPrefetchFhirClientSvc;
import ca.uhn.hapi.fhir.cdshooks.svc.prefetch.CdsPrefetchSvc;
import ca.uhn.hapi.fhir.cdshooks.svc.prefetch.CdsResolutionStrategySvc;
import ca.uhn.fhir.jpa.api.dao.DaoRegistry;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.net.InetSocketAddress;
import org.eclipse.jetty.ee10.servlet.ServletContextHandler;
import org.eclipse.jetty.ee10.servlet.ServletHolder;
import org.eclipse.jetty.server.Server;

/** HAPI's CDS Hooks registry behind Jetty on the loopback interface; the one argument is the port. */
public final class Launcher {
  private Launcher() {}

  public static void main(String[] args) throws Exception {
    ObjectMapper mapper = new CdsHooksObjectMapperFactory(FhirContext.forR4Cached()).newMapper();
    ServletContextHandler context = new ServletContextHandler();
    context.setContextPath("/");
    context.addServlet(new ServletHolder(new CdsServlet(registry(mapper), mapper)), "/cds-services/*");
    Server server = new Server(new InetSocketAddress("127.0.0.1", Integer.parseInt(args[0])));
    server.setHandler(context);
    server.setStopAtShutdown(true);
    server.start();
    server.join();
  }

  /** The registry as the module's own configuration builds it, without a database. */
  private static ICdsServiceRegistry registry(ObjectMapper mapper) {
    FhirContext fhir = FhirContext.forR4Cached();
    CdsHooksContextBooter booter = new CdsHooksContextBooter();
    booter.setDefinitionsClass(Services.class);
    booter.start();
    DaoRegistry none = new DaoRegistry(fhir);
    CdsPrefetchSvc prefetch =
        new CdsPrefetchSvc(
            new CdsResolutionStrategySvc(none),
            new CdsPrefetchDaoSvc(none, null, fhir),
            new CdsPrefetchFhirClientSvc(fhir),
            null,
            null);
    CdsServiceRegistryImpl registry =
        new CdsServiceRegistryImpl(booter, prefetch, mapper, new CdsServiceRequestJsonDeserializer(fhir, mapper));
    registry.init();
    return registry;
  }
}
