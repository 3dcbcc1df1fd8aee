// SPDX-License-Identifier: Apache-2.0
package io.transferengine.cli.console;

import java.io.Serial;

/** Ends the command with one line of text and an exit status. */
public final class CommandException extends RuntimeException {
  /** It ran and failed. */
  public static final int FAILED = 1;

  /** The command line is wrong. */
  static final int USAGE = 2;

  /** The machine lacks something. */
  static final int LACKS = 3;

  @Serial private static final long serialVersionUID = 1L;

  private final int exitStatus;

  private CommandException(int exitStatus, String message) {
    // It may quote a file or a peer.
    super(Table.printable(message));
    this.exitStatus = exitStatus;
  }

  public static CommandException failed(String message) {
    return new CommandException(FAILED, message);
  }

  public static CommandException usage(String message) {
    return new CommandException(USAGE, message);
  }

  public static CommandException lacks(String message) {
    return new CommandException(LACKS, message);
  }

  int exitStatus() {
    return exitStatus;
  }
}
