// SPDX-License-Identifier: Apache-2.0
package io.transferengine.engine;

/** Two actions, of which neither keeps the other from running. */
record Both(Runnable first, Runnable second) implements Runnable {
  @Override
  public void run() {
    try {
      first.run();
    } finally {
      second.run();
    }
  }
}
