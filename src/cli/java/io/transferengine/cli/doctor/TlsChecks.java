// SPDX-License-Identifier: Apache-2.0
package io.transferengine.cli.doctor;

import io.transferengine.EngineConfig;
import io.transferengine.cli.console.CommandEnvironment;
import io.transferengine.cli.target.Configs;
import io.transferengine.diagnostics.EngineEnvironment;
import io.transferengine.diagnostics.LocalTls;
import io.transferengine.transfer.ConfigurationException;
import io.transferengine.transfer.HostPort;
import io.transferengine.transfer.TlsMode;
import io.transferengine.transfer.TransferException;
import java.net.InetAddress;
import java.net.NetworkInterface;
import java.net.SocketException;
import java.net.UnknownHostException;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.stream.Stream;

/**
 * The doctor's checks of TLS and tokens: the files, and the names by which peers connect. None
 * throws.
 */
final class TlsChecks {
  private static final String WHAT = "TLS";
  private static final String DATA = "TLS of data";
  private static final String TOKEN = "token";

  /** A host of containers has dozens. */
  private static final int OWN_ADDRESSES_SHOWN = 4;

  /** The name may come without one. */
  private static final int ANY_PORT = 1;

  private TlsChecks() {}

  /** {@return a configuration for engines that only speak with each other, inside this process} */
  static EngineConfig.Builder withoutTls() {
    return Configs.loopback()
        .tls(TlsMode.OFF)
        .tlsCert("")
        .tlsKey("")
        .tlsCa("")
        .tlsAllow("")
        .tlsPlainPeers("")
        .tokenFile("");
  }

  static List<CheckResult> all(CommandEnvironment command, EngineEnvironment engine) {
    return all(engine, command.localServerName(), ownNames(), command.toType("certs DIR"));
  }

  /**
   * {@return the results}
   *
   * @param serverName the host by which the environment says that peers reach this one
   * @param ownNames those by which they may, if it does not say
   * @param toTry what makes certificates
   */
  static List<CheckResult> all(
      EngineEnvironment engine, Optional<String> serverName, List<String> ownNames, String toTry) {
    List<CheckResult> results = new ArrayList<>();
    try {
      Optional<LocalTls> tls = LocalTls.read(engine);
      List<String> warnings = tls.isPresent() ? tls.get().warnings() : LocalTls.warnings(engine);
      results.add(
          tls.map(TlsChecks::files)
              .orElseGet(
                  () ->
                      CheckResult.no(
                          WHAT,
                          "TE_TLS is off: nothing is encrypted, and without TE_TOKEN_FILE whoever"
                              + " reaches the ports may use the memory; to try it: "
                              + toTry)));
      warnings.forEach(warning -> results.add(CheckResult.no(WHAT, warning)));
      if (tls.isPresent()) {
        results.add(CheckResult.ok(DATA, "encrypted by " + tls.get().dataEncryption()));
        results.addAll(names(tls.get(), engine, serverName, ownNames));
      }
    } catch (ConfigurationException e) {
      results.add(CheckResult.missing(WHAT, e));
    }
    results.add(token(engine));
    return results;
  }

  private static CheckResult token(EngineEnvironment engine) {
    try {
      List<String> names = LocalTls.tokens(engine);
      if (names.isEmpty()) {
        return CheckResult.no(TOKEN, "TE_TOKEN_FILE is not set: peers prove none");
      }
      String others =
          names.size() == 1
              ? "this one alone"
              : "also " + String.join(", ", names.subList(1, names.size()));
      return CheckResult.ok(
          TOKEN,
          "required; this engine proves %s, and accepts %s".formatted(names.getFirst(), others));
    } catch (ConfigurationException e) {
      return CheckResult.missing(TOKEN, e);
    }
  }

  private static CheckResult files(LocalTls tls) {
    String names = tls.names().isEmpty() ? "no name" : String.join(", ", tls.names());
    return CheckResult.ok(
        WHAT,
        "required; the certificate is for %s, and valid for %d days"
            .formatted(names, Duration.between(Instant.now(), tls.expiry()).toDays()));
  }

  private static List<CheckResult> names(
      LocalTls tls, EngineEnvironment engine, Optional<String> serverName, List<String> ownNames) {
    Set<String> told = new LinkedHashSet<>(engine.advertisedHosts());
    serverName.map(TlsChecks::hostOf).ifPresent(told::add);
    List<CheckResult> results = new ArrayList<>();
    for (String host : told) {
      results.add(
          tls.refusal(host)
              .map(why -> CheckResult.missing(by(host), refused(why)))
              .orElseGet(() -> accepted(host)));
    }
    if (told.isEmpty()) {
      for (String host : ownNames) {
        results.add(
            tls.refusal(host)
                .map(why -> CheckResult.no(by(host), refused(why)))
                .orElseGet(() -> accepted(host)));
      }
    }
    return results;
  }

  private static String by(String host) {
    return WHAT + " as " + host;
  }

  private static CheckResult accepted(String host) {
    return CheckResult.ok(by(host), "peers with the same options accept this engine");
  }

  private static String refused(String why) {
    return "peers that connect to it refuse this engine: " + why;
  }

  private static String hostOf(String name) {
    try {
      return HostPort.parse(name, ANY_PORT).host();
    } catch (TransferException e) {
      return name; // An engine with that name does not open, and says why.
    }
  }

  /** {@return this machine's name, and its addresses that lead out of it} */
  private static List<String> ownNames() {
    List<String> names = new ArrayList<>();
    try {
      names.add(InetAddress.getLocalHost().getHostName());
    } catch (UnknownHostException e) {
      // Then nobody connects by it.
    }
    try (Stream<NetworkInterface> all = NetworkInterface.networkInterfaces()) {
      all.flatMap(NetworkInterface::inetAddresses)
          .filter(address -> !address.isLoopbackAddress() && !address.isLinkLocalAddress())
          .limit(OWN_ADDRESSES_SHOWN)
          .forEach(address -> names.add(address.getHostAddress()));
    } catch (SocketException e) {
      // Its name may do.
    }
    return names;
  }
}
