// SPDX-License-Identifier: Apache-2.0
package io.transferengine.tls;

import io.transferengine.metrics.recording.Audit;
import io.transferengine.tls.TokenExchange.Port;
import java.io.IOException;
import java.net.InetAddress;
import java.net.SocketTimeoutException;
import java.util.List;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/**
 * The tokens of an engine: with whom there is an exchange of them, both sides of it, and whom to
 * tell the audit that we refused. Thread-safe.
 *
 * <p>A token proves who speaks, on both sides. It neither hides nor protects what is said behind
 * it: that is the business of TLS.
 */
public final class PeerToken {
  /** What the port of an engine that wants tokens says of anything else. */
  public static final String WANTED =
      "it proves no token, and TE_TOKEN_FILE is set here; set it there, with a line of the file"
          + " here, or list its address in TE_TLS_PLAIN_PEERS here";

  /** What the port of an engine without tokens says of one. */
  public static final String NOT_WANTED =
      "it wants to prove a token, and nobody asks it for one here; set TE_TOKEN_FILE on both"
          + " sides, or list this engine's address in the peer's TE_TLS_PLAIN_PEERS";

  /** What who connects without a token is told. */
  public static final String WANTED_THERE = "it wants a token, and TE_TOKEN_FILE is not set here";

  /** What is wrong with who says anything else in the middle of an exchange. */
  public static final String NO_PROOF = "it sent something else than a proof of a token";

  /** What is wrong with who leaves, having begun an exchange. */
  public static final String LEFT =
      "it left in the middle of the exchange of tokens; its log says why";

  /** What is wrong with who is not done. */
  public static final String LATE = "it did not prove a token in time";

  /** What is wrong with who goes on before it may. */
  public static final String MORE = "it sent more than its proof of a token";

  private final Supplier<List<Token>> tokens;
  private final Runnable refresh;
  private final AddressList plain;
  private final @Nullable Audit audit;

  private PeerToken(
      Supplier<List<Token>> tokens, Runnable refresh, AddressList plain, @Nullable Audit audit) {
    this.tokens = tokens;
    this.refresh = refresh;
    this.plain = plain;
    this.audit = audit;
  }

  static PeerToken off() {
    return new PeerToken(List::of, () -> {}, AddressList.parse("", ""), null);
  }

  static PeerToken of(String file, AddressList plain, Audit audit) {
    WatchedFiles<List<Token>> watched =
        new WatchedFiles<>("token file has", List.of(file), () -> TokenFile.read(file));
    // Here, not in the first exchange on an event loop: the JDK looks for it, and for randomness.
    var _ = watched.current().getFirst().mac(TokenExchange.nonce());
    return new PeerToken(watched::current, watched::refresh, plain, audit);
  }

  void refresh() {
    refresh.run();
  }

  /** {@return whether there is an exchange with peers, but for those that the options except} */
  public boolean isOn() {
    return !tokens.get().isEmpty();
  }

  /** {@return whether there is an exchange with a peer at that address} */
  public boolean isFor(InetAddress peer) {
    return isOn() && !plain.contains(peer);
  }

  /** {@return our side of an exchange with a peer that we have connected to} */
  public TokenProof proof(Port port) {
    return new TokenProof(tokens.get().getFirst(), port);
  }

  /** {@return our side of an exchange with a peer that has connected to us} */
  public TokenChallenge challenge(Port port) {
    return new TokenChallenge(tokens.get(), port);
  }

  /**
   * A connection to one of our ports is closed: for the audit.
   *
   * @param from its address
   * @param cause in words
   */
  public void refused(String from, Port port, String cause) {
    if (audit != null) {
      audit.refused(
          Audit.Reason.TOKEN_CONNECTION,
          port.audited(),
          from,
          "a connection to the " + port.audited().words() + ": " + cause);
    }
  }

  /**
   * A connection to a peer was given up: for the audit.
   *
   * @return what is wrong, in words
   */
  public String gaveUp(String peer, Throwable cause) {
    String text = text(cause);
    if (audit != null) {
      audit.refused(
          Audit.Reason.TOKEN_PEER, Audit.Port.PEER, peer, "our connection to it: " + text);
    }
    return text;
  }

  private static String text(Throwable cause) {
    if (cause instanceof TokenRefusal) {
      return String.valueOf(cause.getMessage());
    }
    if (cause instanceof SocketTimeoutException) {
      return "it did not finish the exchange of tokens in time; is it stopped, or no engine?";
    }
    if (cause instanceof IOException) {
      return "it closed the connection when it was to exchange tokens, as engines without"
          + " TE_TOKEN_FILE do; set it there, or list its address in TE_TLS_PLAIN_PEERS here";
    }
    return cause.toString();
  }
}
