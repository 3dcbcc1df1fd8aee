// SPDX-License-Identifier: Apache-2.0
package io.transferengine.cli.certs;

import io.transferengine.cli.console.CommandEnvironment;
import io.transferengine.cli.console.HelpOption;
import io.transferengine.cli.console.Terminal;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.Callable;
import java.util.regex.Pattern;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** Makes certificates to try TLS with. */
@Command(
    name = "certs",
    description = {
      "Makes an authority and two certificates, to try TLS between engines: not for service.",
      "",
      "Both certificates are for localhost, 127.0.0.1, ::1, this machine's host name and the names"
          + " given. They expire after "
          + CertificateFiles.VALID_DAYS
          + " days. The authority's key is thrown away: nobody can make more of them.",
      ""
    },
    footer = {"", "Exit status: 0 made, 1 failed, 2 usage, 3 this Java has no keytool."})
public final class CertsCommand implements Callable<Integer> {
  /** What a shell leaves as it is. */
  private static final Pattern PLAIN = Pattern.compile("[A-Za-z0-9_./:=+@-]+");

  /** Outside of the engine's own ports, and of those that the system hands out. */
  private static final int CONTROL_PORT = 12443;

  @Mixin final HelpOption help = new HelpOption();

  @Parameters(
      index = "0",
      paramLabel = "DIR",
      description = "The folder for the files; none that is there is overwritten.")
  private Path folder = Path.of("");

  @Option(
      names = "--name",
      paramLabel = "HOST",
      description = "A host name or IP address by which peers connect; may be repeated.")
  private List<String> names = new ArrayList<>();

  @Override
  public Integer call() {
    CommandEnvironment environment = CommandEnvironment.current();
    List<String> all = HostNames.withOwn(names);
    CertificateFiles files = new CertificateFiles(folder);
    files.make(environment.javaHome(), all);
    Terminal terminal = new Terminal(environment);
    String first = CertificateFiles.OWNERS.getFirst();
    String second = CertificateFiles.OWNERS.getLast();
    terminal.line("Made, for " + String.join(", ", all) + ". In one shell:");
    terminal.line("");
    print(
        terminal,
        files,
        first,
        environment.toType("bench --target --host localhost --control-port " + CONTROL_PORT));
    terminal.line("In another:");
    terminal.line("");
    print(
        terminal,
        files,
        second,
        environment.toType("bench --host localhost --initiator localhost:" + CONTROL_PORT));
    terminal.line(
        "The variables serve any engine; %s checks them. Without them, bench says why it is refused."
            .formatted(environment.toType("doctor")));
    return 0;
  }

  private static void print(
      Terminal terminal, CertificateFiles files, String owner, String command) {
    files
        .variables(owner)
        .forEach((name, value) -> terminal.line("  " + name + "=" + quoted(value) + " \\"));
    terminal.line("    " + command);
    terminal.line("");
  }

  private static String quoted(String text) {
    return PLAIN.matcher(text).matches() ? text : "'" + text.replace("'", "'\\''") + "'";
  }
}
