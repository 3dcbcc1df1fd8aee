// SPDX-License-Identifier: Apache-2.0
package io.transferengine.fuzz;

import io.transferengine.config.Settings;
import io.transferengine.metrics.recording.Audit;
import io.transferengine.metrics.recording.EngineMetrics;
import io.transferengine.testkit.RawToken;
import io.transferengine.testkit.TokenFiles;
import io.transferengine.tls.PeerTls;
import io.transferengine.tls.PeerToken;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.Map;
import java.util.Optional;

/**
 * The other side of an exchange of tokens, as a tape has it: right, or a little wrong in what it
 * says, proves, or confirms.
 */
public final class TokenPlay {
  private static final byte[] NONCE = "n".repeat(32).getBytes(StandardCharsets.US_ASCII);
  private static final String FIRST = "cluster";
  private static final String SECOND = "second";
  private static final int PROOF_BYTES = 128;
  private static final int NONCE_AT = 64;
  private static final int MAC_AT = 96;

  /** From here on a choice of the tape is for something wrong. */
  private static final int WRONG = 0xa0;

  private final RawToken raw;
  private final Tape tape;
  private boolean right = true;
  private boolean longer;

  /**
   * @param data on the data port; else on the RPC port
   */
  public TokenPlay(boolean data, Tape tape) {
    raw = new RawToken(data);
    this.tape = tape;
  }

  /** {@return the two tokens that an engine under test has} */
  public static PeerToken tokens() {
    try {
      Path file = Files.createTempFile("fuzz", ".token");
      file.toFile().deleteOnExit();
      var _ =
          TokenFiles.write(
              file, FIRST + " " + TokenFiles.SECRET, SECOND + " " + TokenFiles.OTHER_SECRET);
      Settings settings = Settings.fromMap(Map.of("TE_TOKEN_FILE", file.toString()));
      return PeerTls.of(settings, Optional.empty(), new Audit(new EngineMetrics())).token();
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  /** {@return whether all was as it has to be} More than that may follow it. */
  public boolean isRight() {
    return right;
  }

  /** {@return whether something follows what is right} */
  public boolean isLonger() {
    return longer;
  }

  /** {@return how many bytes a challenge or a verdict has with what is in front} */
  public int answerBytes() {
    return raw.headBytes() + NONCE.length;
  }

  /** {@return how many bytes a hello has} */
  public int helloBytes() {
    return raw.hello().length;
  }

  /** {@return how many bytes a proof has with what is in front} */
  public int proofBytes() {
    return raw.proof(FIRST, TokenFiles.SECRET, NONCE, NONCE).length;
  }

  /** {@return what who connects says first} */
  public byte[] hello() {
    return sent(perhapsWrong(raw.hello()), false, raw.hello());
  }

  /** {@return what who connects says to a challenge} */
  public byte[] proof(byte[] answer) {
    byte[] challenge = Arrays.copyOfRange(answer, raw.headBytes(), answer.length);
    return sent(
        perhapsWrong(proofTo(challenge)),
        true,
        raw.proof(FIRST, TokenFiles.SECRET, challenge, NONCE),
        raw.proof(SECOND, TokenFiles.OTHER_SECRET, challenge, NONCE));
  }

  private byte[] proofTo(byte[] challenge) {
    int choice = tape.next();
    if (choice < WRONG) {
      return choice % 2 == 0
          ? raw.proof(FIRST, TokenFiles.SECRET, challenge, NONCE)
          : raw.proof(SECOND, TokenFiles.OTHER_SECRET, challenge, NONCE);
    }
    switch (choice % 6) {
      case 0 -> {
        return raw.proof(FIRST, TokenFiles.OTHER_SECRET, challenge, NONCE);
      }
      case 1 -> {
        String name = new String(tape.bytes(1 + tape.next() % 64), StandardCharsets.US_ASCII);
        return raw.proof(FIRST.concat(name), TokenFiles.SECRET, challenge, NONCE);
      }
      case 2 -> {
        return raw.proof("clust", TokenFiles.SECRET, challenge, NONCE);
      }
      case 3 -> {
        return raw.proof(FIRST, TokenFiles.SECRET, NONCE, NONCE);
      }
      case 4 -> {
        byte[] elsewhere =
            new RawToken(!raw.data()).proof(FIRST, TokenFiles.SECRET, challenge, NONCE);
        return behindHeadOfProof(
            Arrays.copyOfRange(elsewhere, elsewhere.length - PROOF_BYTES, elsewhere.length));
      }
      default -> {
        byte[] reflected = raw.proof(FIRST, TokenFiles.SECRET, challenge, NONCE);
        byte[] verdict = raw.verdict(FIRST, TokenFiles.SECRET, challenge, NONCE);
        System.arraycopy(verdict, 0, reflected, reflected.length - verdict.length, verdict.length);
        return reflected;
      }
    }
  }

  private byte[] behindHeadOfProof(byte[] proof) {
    byte[] whole = raw.proof(FIRST, TokenFiles.SECRET, NONCE, NONCE);
    System.arraycopy(proof, 0, whole, whole.length - PROOF_BYTES, PROOF_BYTES);
    return whole;
  }

  /** {@return what who accepts says to a hello} */
  public byte[] challenge() {
    return sent(perhapsWrong(raw.answer(code(), NONCE)), false, raw.answer(0, NONCE));
  }

  /** {@return what who accepts says to a proof} */
  public byte[] verdict(byte[] message) {
    byte[] proof = Arrays.copyOfRange(message, message.length - PROOF_BYTES, message.length);
    byte[] nonce = Arrays.copyOfRange(proof, NONCE_AT, MAC_AT);
    byte[] mac = raw.verdict(FIRST, TokenFiles.SECRET, NONCE, nonce);
    byte[] answer = raw.answer(0, mac);
    int choice = tape.next();
    if (choice >= WRONG) {
      mac =
          switch (choice % 5) {
            case 0 -> raw.verdict(FIRST, TokenFiles.OTHER_SECRET, NONCE, nonce);
            case 1 -> raw.verdict(SECOND, TokenFiles.OTHER_SECRET, NONCE, nonce);
            case 2 -> new RawToken(!raw.data()).verdict(FIRST, TokenFiles.SECRET, NONCE, nonce);
            case 3 -> raw.verdict(FIRST, TokenFiles.SECRET, nonce, NONCE);
            default -> Arrays.copyOfRange(proof, MAC_AT, PROOF_BYTES);
          };
    }
    return sent(perhapsWrong(raw.answer(code(), mac)), true, answer);
  }

  private int code() {
    int choice = tape.next();
    return choice < WRONG ? 0 : choice % 8;
  }

  /**
   * Notes whether what is sent is right: two mistakes may cancel each other out.
   *
   * @param last whether what follows it is no part of the exchange
   * @param good what would be right
   */
  private byte[] sent(byte[] message, boolean last, byte[]... good) {
    boolean any = false;
    for (byte[] each : good) {
      boolean begins = Arrays.mismatch(message, each) == each.length;
      any |= Arrays.equals(message, each) || (last && begins);
      longer |= begins;
    }
    right &= any;
    return message;
  }

  private byte[] perhapsWrong(byte[] message) {
    int choice = tape.next();
    if (choice < WRONG) {
      return message;
    }
    return switch (choice % 4) {
      case 0 -> flipped(message);
      case 1 -> Arrays.copyOf(message, tape.below(message.length));
      case 2 -> tape.bytes(1 + tape.next());
      default -> RawToken.join(message, tape.bytes(1 + tape.next() % 40));
    };
  }

  private byte[] flipped(byte[] message) {
    byte[] flipped = message.clone();
    flipped[tape.below(message.length)] ^= (byte) (1 << tape.next() % 8);
    return flipped;
  }
}
