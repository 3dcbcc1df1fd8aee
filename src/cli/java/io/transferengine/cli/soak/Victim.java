// SPDX-License-Identifier: Apache-2.0
package io.transferengine.cli.soak;

import java.util.Optional;

/** A process that deeds are done to. */
interface Victim {
  Child child();

  /** {@return what has to go with it when it is killed, which is about to happen} */
  Optional<Remains> remains();

  /** It was killed, and comes back as it was. */
  void restart();

  /** Begins to fill its heap, which stays full for a while. */
  default void fillHeap(int millis) {
    throw new UnsupportedOperationException(name() + " has no filler");
  }

  /** Waits until what {@link #fillHeap} began is over. */
  default void awaitHeap() {}

  default String name() {
    return child().name();
  }
}
