// SPDX-License-Identifier: Apache-2.0
package io.transferengine.cli.soak;

import io.transferengine.cli.faults.Relay;
import io.transferengine.cli.faults.Trap;
import io.transferengine.cli.target.RequestLoop;
import io.transferengine.cli.target.TargetProcess;
import io.transferengine.metadata.server.HttpMetadataServer;
import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;

/** Our HTTP metadata server in a process of its own, behind a relay. */
final class Service implements Victim, AutoCloseable {
  private static final List<String> JVM_OPTIONS =
      List.of("-Xmx64m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-XX:-UsePerfData");

  private final Path folder;
  private final Relay relay;
  private final Child child;

  Service(Setup setup, Trap trap) {
    folder = setup.folder();
    relay = Ports.relay((at, to) -> Relay.other(at, to, trap));
    child =
        new Child(
            "service",
            setup.limitable(
                TargetProcess.java(
                        setup.environment(),
                        JVM_OPTIONS,
                        Service.class,
                        List.of(Integer.toString(relay.port())))
                    .redirectError(
                        ProcessBuilder.Redirect.appendTo(setup.log("service").toFile()))));
    String[] _ = child.greeting();
  }

  /**
   * Runs until the standard input ends.
   *
   * @param arguments the port
   */
  public static void main(String[] arguments) throws IOException {
    LoadedClasses.load(false);
    try (HttpMetadataServer server =
        HttpMetadataServer.start(Ports.REAL, Integer.parseInt(arguments[0]))) {
      RequestLoop.serve(System.in, System.out, server.connectionString(Ports.REAL), _ -> "");
    }
    System.exit(0);
  }

  /** {@return what engines are given; it leads through the relay} */
  String connectionString() {
    return "http://%s:%d/metadata".formatted(Ports.TOLD, relay.port());
  }

  Relay relay() {
    return relay;
  }

  @Override
  public Child child() {
    return child;
  }

  @Override
  public Optional<Remains> remains() {
    return Optional.of(new Remains(child.pid(), folder));
  }

  @Override
  public void restart() {
    child.restart();
    String[] _ = child.greeting();
  }

  @Override
  public void close() {
    relay.close();
    child.end();
  }
}
