// SPDX-License-Identifier: Apache-2.0
package io.transferengine.transport.tcp;

/**
 * Who encrypts data connections.
 *
 * @param isNative whether it is BoringSSL, not the JDK
 * @param text who, and why; a part of a sentence
 */
record TlsChoice(boolean isNative, String text) {
  static TlsChoice jdk(String why) {
    return new TlsChoice(false, "the JDK's: " + why);
  }
}
