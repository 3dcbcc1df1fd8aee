// SPDX-License-Identifier: Apache-2.0
package io.transferengine.cli.metadata;

import io.transferengine.cli.console.CommandException;
import io.transferengine.cli.console.HelpOption;
import io.transferengine.metadata.server.HttpMetadataServer;
import io.transferengine.metadata.server.ServerSecurity;
import java.nio.file.Path;
import java.util.concurrent.Callable;
import java.util.concurrent.CountDownLatch;
import org.jspecify.annotations.Nullable;
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
      "Without --tls-client-ca or --token-file everybody who reaches its port may change all",
      "records: let only the cluster reach it."
    })
public final class MetadataServerCommand implements Callable<Integer> {
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

  @Option(
      names = "--tls-cert",
      paramLabel = "FILE",
      description = {
        "Speaks TLS 1.3 with this certificate, in PEM. The files are read again",
        "when they change."
      })
  private @Nullable Path certificate;

  @Option(
      names = "--tls-key",
      paramLabel = "FILE",
      description = "Its private key: PKCS #8 in PEM, readable by its owner and group alone.")
  private @Nullable Path key;

  @Option(
      names = "--tls-client-ca",
      paramLabel = "FILE",
      description = {"Lets nobody in without a certificate of these authorities."})
  private @Nullable Path clientAuthorities;

  @Option(
      names = "--token-file",
      paramLabel = "FILE",
      description = {
        "Wants a bearer token with each request (TE_METADATA_TOKEN_FILE): a line",
        "NAME SECRET for each, the secret at least 32 characters. A record is changed",
        "only with a token of the name that wrote it."
      })
  private @Nullable Path tokenFile;

  private ServerSecurity security() {
    ServerSecurity made = ServerSecurity.none();
    if (certificate != null && key != null) {
      made = made.tls(certificate, key);
    } else if (certificate != null || key != null) {
      throw CommandException.usage("--tls-cert and --tls-key are given together");
    }
    if (clientAuthorities != null) {
      made = made.clientAuthorities(clientAuthorities);
    }
    if (tokenFile != null) {
      made = made.tokens(tokenFile);
    }
    return made;
  }

  @Override
  public Integer call() throws InterruptedException {
    try (HttpMetadataServer server = HttpMetadataServer.start(host, port, security())) {
      System.out.println("listening on " + server.connectionString(host));
      System.out.flush();
      new CountDownLatch(1).await();
    }
    return 0;
  }
}
