// SPDX-License-Identifier: Apache-2.0
package io.transferengine.cli.doctor;

import io.transferengine.Engine;
import io.transferengine.transfer.LocalMode;
import io.transferengine.transfer.TransferException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;

/** Whether processes on this machine can copy from each other ({@code TE_LOCAL}). */
final class LocalCheck {
  private static final String WHAT = "same machine";

  /** Says who may look into the memory of processes of the same user; absent without Yama. */
  private static final Path YAMA = Path.of("/proc/sys/kernel/yama/ptrace_scope");

  private LocalCheck() {}

  static CheckResult run() {
    try (Engine _ = Engine.open(TlsChecks.withoutTls().local(LocalMode.REQUIRED).build())) {
      String scope = Files.exists(YAMA) ? Files.readString(YAMA).strip() : "0";
      return scope.equals("0")
          ? CheckResult.ok(WHAT, "engines of one user can copy without a network (TE_LOCAL)")
          : CheckResult.no(
              WHAT,
              "the network is used: " + YAMA + " is " + scope + ", and copies (TE_LOCAL) need 0");
    } catch (TransferException e) {
      return CheckResult.no(WHAT, e);
    } catch (IOException e) {
      return CheckResult.no(WHAT, YAMA + " cannot be read");
    }
  }
}
