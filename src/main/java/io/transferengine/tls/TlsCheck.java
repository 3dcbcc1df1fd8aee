// SPDX-License-Identifier: Apache-2.0
package io.transferengine.tls;

import io.transferengine.config.Settings;
import io.transferengine.config.TlsOptions;
import io.transferengine.transfer.TlsMode;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/**
 * What an engine with some options would find in its files and what its peers would say of it,
 * found out without an engine. Immutable.
 */
public final class TlsCheck {
  private final List<String> warnings;
  private final TlsMaterial material;
  private final PeerTls tls;

  private TlsCheck(List<String> warnings, TlsMaterial material, PeerTls tls) {
    this.warnings = warnings;
    this.material = material;
    this.tls = tls;
  }

  /**
   * {@return what is there; empty if TLS is off}
   *
   * @throws io.transferengine.transfer.ConfigurationException for what keeps an engine from opening
   */
  public static Optional<TlsCheck> of(Settings settings) {
    if (settings.get(TlsOptions.MODE) == TlsMode.OFF) {
      return Optional.empty();
    }
    TlsMaterial material = TlsMaterial.of(settings);
    List<String> warnings = new ArrayList<>(warnings(settings));
    warnings.addAll(material.warnings(Instant.now()));
    return Optional.of(
        new TlsCheck(List.copyOf(warnings), material, PeerTls.of(settings, material)));
  }

  /** {@return a sentence for each option that has no effect, or opens our memory to somebody} */
  public static List<String> warnings(Settings settings) {
    return PeerTls.warnings(settings, false);
  }

  /**
   * {@return the names of the tokens in {@code TE_TOKEN_FILE}, our own first; empty if it is not
   * set}
   *
   * @throws io.transferengine.transfer.ConfigurationException for what keeps an engine from opening
   */
  public static List<String> tokens(Settings settings) {
    String file = settings.get(TlsOptions.TOKEN_FILE);
    return file.isEmpty() ? List.of() : TokenFile.read(file).stream().map(Token::name).toList();
  }

  /** {@return the same, and what will soon be wrong with the files} */
  public List<String> warnings() {
    return warnings;
  }

  /** {@return the names and addresses that our certificate is for} */
  public List<String> names() {
    return PeerNames.of(material.chain().getFirst());
  }

  /** {@return the TLS of such an engine, for a look at it} */
  public PeerTls tls() {
    return tls;
  }

  /** {@return until when our certificate is valid} */
  public Instant expiry() {
    return material.expiry();
  }

  /**
   * {@return why a peer with the same options would refuse us if it connected to a host, a clause
   * about us; empty if it would not} It makes the whole handshake, in memory.
   */
  public Optional<String> refusal(String host) {
    return TrialHandshake.refusal(tls, host);
  }
}
