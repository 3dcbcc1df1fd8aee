// SPDX-License-Identifier: Apache-2.0
package io.transferengine.tls;

import java.nio.charset.StandardCharsets;
import java.security.GeneralSecurityException;
import java.security.MessageDigest;
import javax.crypto.Mac;
import javax.crypto.spec.SecretKeySpec;

/** A secret that engines share, and its name, which is none. Shows the name alone. Immutable. */
final class Token {
  private static final String ALGORITHM = "HmacSHA256";

  /** Of the names that are proved with tokens. */
  static final String PREFIX = "token:";

  private final String name;
  private final SecretKeySpec key;

  Token(String name, byte[] secret) {
    this.name = name;
    this.key = new SecretKeySpec(secret, ALGORITHM);
  }

  String name() {
    return name;
  }

  /** {@return what a peer is called that knows the secret} No host has such a name. */
  String provedName() {
    return PREFIX + name;
  }

  /** {@return what only somebody with the secret can say about these bytes} */
  byte[] mac(byte[] bytes) {
    try {
      Mac mac = Mac.getInstance(ALGORITHM);
      mac.init(key);
      return mac.doFinal(bytes);
    } catch (GeneralSecurityException e) {
      throw new IllegalStateException("the JDK has no " + ALGORITHM, e);
    }
  }

  /** {@return whether these bytes are the secret} It takes as long for any of a length. */
  boolean isSecret(byte[] shown) {
    return MessageDigest.isEqual(key.getEncoded(), shown);
  }

  /** {@return the secret itself} */
  String bearer() {
    return new String(key.getEncoded(), StandardCharsets.US_ASCII);
  }

  @Override
  public String toString() {
    return name;
  }
}
