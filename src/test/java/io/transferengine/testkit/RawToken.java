// SPDX-License-Identifier: Apache-2.0
package io.transferengine.testkit;

import java.io.DataInputStream;
import java.io.IOException;
import java.net.Socket;
import java.nio.charset.StandardCharsets;
import java.security.GeneralSecurityException;
import java.util.Arrays;
import java.util.HexFormat;
import javax.crypto.Mac;
import javax.crypto.spec.SecretKeySpec;

/**
 * The exchange of tokens, written by hand from the protocol page: what each side sends, on either
 * port.
 *
 * @param data on the data port; else on the RPC port
 */
public record RawToken(boolean data) {
  private static final HexFormat HEX = HexFormat.of();

  /** {@return what who connects begins with} */
  public byte[] hello() {
    return HEX.parseHex(
        data
            ? "0000000000000000" + "0100000000000000" + "e400000000000000"
            : "0200000000000000" + "04" + "01");
  }

  /** {@return how many bytes are in front of a challenge or a verdict} */
  public int headBytes() {
    return data ? 8 : 10;
  }

  /** {@return an answer with a code, and what is behind it} */
  public byte[] answer(int code, byte[] behind) {
    String number = HEX.toHexDigits((byte) code);
    return join(
        HEX.parseHex(
            data
                ? number + "000000" + "5654434d"
                : HEX.toHexDigits((byte) (behind.length + 2)) + "00000000000000" + "04" + number),
        behind);
  }

  /** {@return a proof as it is sent} */
  public byte[] proof(String name, String secret, byte[] challenge, byte[] nonce) {
    byte[] proof = join(padded(name), nonce, mac(secret, 'C', padded(name), challenge, nonce));
    return data ? proof : join(HEX.parseHex("8200000000000000" + "04" + "00"), proof);
  }

  /** {@return the MAC of a verdict} */
  public byte[] verdict(String name, String secret, byte[] challenge, byte[] nonce) {
    return mac(secret, 'S', padded(name), challenge, nonce);
  }

  private byte[] mac(String secret, char role, byte[] name, byte[] challenge, byte[] nonce) {
    try {
      Mac mac = Mac.getInstance("HmacSHA256");
      mac.init(new SecretKeySpec(secret.getBytes(StandardCharsets.UTF_8), "HmacSHA256"));
      String label = "transfer-engine token 1\0" + role + (data ? 'D' : 'R') + '\0';
      return mac.doFinal(join(label.getBytes(StandardCharsets.US_ASCII), name, challenge, nonce));
    } catch (GeneralSecurityException e) {
      throw new IllegalStateException(e);
    }
  }

  private static byte[] padded(String name) {
    return Arrays.copyOf(name.getBytes(StandardCharsets.US_ASCII), 64);
  }

  /** {@return arrays, one behind the other} */
  public static byte[] join(byte[]... parts) {
    int length = Arrays.stream(parts).mapToInt(part -> part.length).sum();
    byte[] joined = new byte[length];
    int at = 0;
    for (byte[] part : parts) {
      System.arraycopy(part, 0, joined, at, part.length);
      at += part.length;
    }
    return joined;
  }

  /** Begins as who connects; {@return the nonce of the challenge} */
  public byte[] challenge(Socket socket) throws IOException {
    socket.getOutputStream().write(hello());
    byte[] answer = new byte[headBytes() + 32];
    new DataInputStream(socket.getInputStream()).readFully(answer);
    byte[] nonce = Arrays.copyOfRange(answer, headBytes(), answer.length);
    if (!Arrays.equals(answer, answer(0, nonce))) {
      throw new IOException("no challenge: " + HEX.formatHex(answer));
    }
    return nonce;
  }

  /** As who connects, the whole exchange; {@return whether the other side has proved, too} */
  public boolean exchange(Socket socket, String name, String secret) throws IOException {
    byte[] challenge = challenge(socket);
    byte[] nonce = "abcdefghijklmnopqrstuvwxyz012345".getBytes(StandardCharsets.US_ASCII);
    socket.getOutputStream().write(proof(name, secret, challenge, nonce));
    byte[] answer = new byte[headBytes() + 32];
    new DataInputStream(socket.getInputStream()).readFully(answer);
    return Arrays.equals(answer, answer(0, verdict(name, secret, challenge, nonce)));
  }
}
