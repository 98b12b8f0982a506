package org.naccds.hapi;

import ca.uhn.fhir.rest.server.RestfulServer;
import java.net.InetSocketAddress;
import org.eclipse.jetty.ee10.servlet.ServletContextHandler;
import org.eclipse.jetty.ee10.servlet.ServletHolder;
import org.eclipse.jetty.server.Server;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import org.springframework.context.annotation.AnnotationConfigApplicationContext;

/**
 * Starts a HAPI FHIR R4 server with an empty in-memory database on the loopback interface.
 *
 * <p>System properties: {@code hapi.port} (8085) and {@code hapi.page} (2), the number of entries
 * on one page of a search, which no client can raise: a small value makes every search page.
 */
public final class Launcher {
  private static final Logger LOG = LoggerFactory.getLogger(Launcher.class);

  private Launcher() {}

  public static void main(String[] args) throws Exception {
    int port = Integer.getInteger("hapi.port", 8085);
    AnnotationConfigApplicationContext beans =
        new AnnotationConfigApplicationContext(ServerConfiguration.class);
    beans.registerShutdownHook();
    Server server = serverOn(port, beans.getBean(RestfulServer.class));
    server.setStopAtShutdown(true);
    server.start();
    LOG.info("HAPI FHIR R4 is ready on http://127.0.0.1:{}/fhir", port);
    server.join();
  }

  private static Server serverOn(int port, RestfulServer fhir) {
    ServletContextHandler context = new ServletContextHandler();
    context.setContextPath("/");
    context.addServlet(new ServletHolder(fhir), "/fhir/*");
    Server server = new Server(new InetSocketAddress("127.0.0.1", port));
    server.setHandler(context);
    return server;
  }
}
