// SPDX-License-Identifier: Apache-2.0
package io.transferengine.transport.tcp;

import java.util.function.LongPredicate;

/**
 * Whether nothing looks any more at the memory of a request, whose task has ended. A class, for the
 * same reason as {@link LaneCancel}.
 */
final class LetGo implements LongPredicate {
  /** A connection with requests of tasks that have ended. */
  interface Of {
    /** {@return whether nothing looks at the memory of a request any more} */
    boolean letGo(long position);
  }

  private final Of connection;
  private final boolean all;

  /**
   * @param all whether it is known of all requests
   */
  LetGo(Of connection, boolean all) {
    this.connection = connection;
    this.all = all;
  }

  @Override
  public boolean test(long position) {
    return all || connection.letGo(position);
  }
}
