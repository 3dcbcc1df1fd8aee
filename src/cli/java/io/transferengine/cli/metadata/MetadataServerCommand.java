// SPDX-License-Identifier: Apache-2.0
package io.transferengine.cli.metadata;

import io.transferengine.cli.console.HelpOption;
import io.transferengine.metadata.server.HttpMetadataServer;
import java.util.concurrent.Callable;
import java.util.concurrent.CountDownLatch;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/** Runs an HTTP metadata server until it is killed. */
@Command(
    name = "metadata-server",
    description = "Runs an HTTP metadata server for C++, Python and Java engines, until SIGTERM.",
    footer = {
      "",
      "The first line of its output is the metadata server for engines.",
      "Records are in memory. GET /health, /metrics and /segments show its state.",
      "It has no access control: let only the cluster reach its port."
    })
public final class MetadataServerCommand implements Callable<Integer> {
  /** A request or answer that takes more seconds is cut off. */
  private static final String SLOW_SECONDS = "30";

  /** Connections at once; an engine holds one or two. */
  private static final String CONNECTIONS_MAX = "10000";

  @Mixin final HelpOption help = new HelpOption();

  @Option(
      names = "--host",
      paramLabel = "ADDRESS",
      defaultValue = "0.0.0.0",
      description = "The address to listen on; default: ${DEFAULT-VALUE}, all of them.")
  private String host = "";

  @Option(
      names = "--port",
      paramLabel = "N",
      defaultValue = "8080",
      description = "The port; 0 for a free one; default: ${DEFAULT-VALUE}.")
  private int port;

  @Override
  public Integer call() throws InterruptedException {
    // The JDK's server takes them only as properties, and reads them once, before it starts.
    System.setProperty("sun.net.httpserver.maxReqTime", SLOW_SECONDS);
    System.setProperty("sun.net.httpserver.maxRspTime", SLOW_SECONDS);
    System.setProperty("jdk.httpserver.maxConnections", CONNECTIONS_MAX);
    System.setProperty("sun.net.httpserver.nodelay", "true");
    try (HttpMetadataServer server = HttpMetadataServer.start(host, port)) {
      System.out.println("listening on " + server.connectionString(host));
      System.out.flush();
      new CountDownLatch(1).await();
    }
    return 0;
  }
}
