// SPDX-License-Identifier: Apache-2.0
package io.transferengine.config;

import static io.transferengine.config.OptionGroup.TLS;

import io.transferengine.transfer.TlsMode;
import io.transferengine.transfer.TlsProvider;
import java.util.List;

/** The options of TLS and tokens between engines; part of {@link Options#all()}. */
public final class TlsOptions {
  private static final Form<String> FILE = Form.text("the path of a PEM file");

  /** Whether there is TLS. */
  public static final Option<TlsMode> MODE =
      new Option<>(TLS, "TE_TLS", "tls", Form.choice(TlsMode.class), TlsMode.OFF)
          .means(
              "Mutual TLS 1.3 with all peers, on the RPC port and on the TCP data port. All engines"
                  + " of a cluster have the same value.")
          .mooncake("Speaks no TLS: leave it off among C++ engines, or see TE_TLS_PLAIN_PEERS.");

  /** Our certificate. */
  public static final Option<String> CERTIFICATE =
      new Option<>(TLS, "TE_TLS_CERT", "tlsCert", FILE, "")
          .means(
              "Our certificate, with those between it and the authority behind it. Its subject"
                  + " alternative names have to contain each host that peers connect to. The files"
                  + " are read again when they change.");

  /** Its key. */
  public static final Option<String> KEY =
      new Option<>(TLS, "TE_TLS_KEY", "tlsKey", FILE, "")
          .means(
              "The private key of that certificate, PKCS #8 without a password, readable by nobody"
                  + " but its owner and group.");

  /** Whose certificates are believed. */
  public static final Option<String> CA =
      new Option<>(TLS, "TE_TLS_CA", "tlsCa", FILE, "")
          .means("The authorities that sign the certificates of our peers.");

  /** Whose certificates are accepted among those. */
  public static final Option<String> ALLOW =
      new Option<>(
              TLS,
              "TE_TLS_ALLOW",
              "tlsAllow",
              Form.text("subject alternative names, separated by commas"),
              "")
          .defaultText("every certificate of those authorities")
          .means(
              "The peers that are accepted, in both directions: host names, of which the first"
                  + " label may be *, IP addresses, or URIs. One name of a peer's certificate has"
                  + " to be among them.");

  /** The secrets that peers have to know. */
  public static final Option<String> TOKEN_FILE =
      new Option<>(TLS, "TE_TOKEN_FILE", "tokenFile", Form.text("the path of a file"), "")
          .means(
              "Secrets that peers and we have to know, on the RPC port and on the TCP data port,"
                  + " with TLS or without: a line \"NAME SECRET\" for each, the secret at least 32"
                  + " bytes. The first is used to connect, all are accepted. It is read again when"
                  + " it changes, and readable by nobody but its owner and group.")
          .mooncake("Knows no tokens: list its address in TE_TLS_PLAIN_PEERS.");

  /** Who has no TLS, and no token. */
  public static final Option<String> PLAIN_PEERS =
      new Option<>(
              TLS,
              "TE_TLS_PLAIN_PEERS",
              "tlsPlainPeers",
              Form.text("IP addresses, each perhaps with /BITS, separated by commas"),
              "")
          .means(
              "Peers without TLS and tokens, such as C++ engines: to and from these addresses there"
                  + " are none, and whoever has one of them may use our memory.");

  /** Whose TLS it is. */
  public static final Option<TlsProvider> PROVIDER =
      new Option<>(
              TLS,
              "TE_TLS_PROVIDER",
              "tlsProvider",
              Form.choice(TlsProvider.class),
              TlsProvider.AUTO)
          .means(
              "Who encrypts the data connections. boringssl needs less processor time than jdk, and"
                  + " is fast from the first byte on; it is used if"
                  + " io.netty:netty-tcnative-boringssl-static, with the classifier of this"
                  + " machine, is on the class path.");

  /** In place of which a program may give its own context. */
  public static final List<Option<String>> FILES = List.of(CERTIFICATE, KEY, CA);

  /** What has no meaning without TLS. */
  public static final List<Option<String>> FOR_REQUIRED =
      List.of(CERTIFICATE, KEY, CA, ALLOW, PLAIN_PEERS);

  /** In the order of the configuration page. */
  static final List<Option<?>> ALL =
      List.of(MODE, CERTIFICATE, KEY, CA, ALLOW, TOKEN_FILE, PLAIN_PEERS, PROVIDER);

  private TlsOptions() {}
}
