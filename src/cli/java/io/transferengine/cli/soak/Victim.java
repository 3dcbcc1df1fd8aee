// SPDX-License-Identifier: Apache-2.0
package io.transferengine.cli.soak;

/** A process that deeds are done to. */
interface Victim {
  Child child();

  /** It was killed, and comes back as it was. */
  void restart();

  default String name() {
    return child().name();
  }
}
