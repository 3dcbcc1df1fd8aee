// SPDX-License-Identifier: Apache-2.0
package io.transferengine.micrometer.meters;

import io.transferengine.transfer.TraceParent;

/** Spans of transfers, for registries that name them beside what they record (exemplars). */
interface Spans {
  /** {@return what makes a span the current one of this thread, until it is closed} */
  Scope open(TraceParent span);

  /** The time in which a span is the current one. */
  interface Scope extends AutoCloseable {
    @Override
    void close();
  }
}
