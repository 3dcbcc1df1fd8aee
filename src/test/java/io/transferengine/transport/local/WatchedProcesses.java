// SPDX-License-Identifier: Apache-2.0
package io.transferengine.transport.local;

import io.transferengine.os.LinuxProcesses;
import io.transferengine.os.Processes;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.atomic.AtomicBoolean;

/** Those of this machine; it is noted who looks at what they have mapped. */
final class WatchedProcesses implements Processes {
  private static final Processes REAL = new LinuxProcesses();

  /** Does not see when a process began, nor what it has mapped. */
  final AtomicBoolean blind = new AtomicBoolean();

  /** Who has looked. */
  final List<Thread> looks = new CopyOnWriteArrayList<>();

  @Override
  public String bootId() {
    return REAL.bootId();
  }

  @Override
  public long pidNamespace() {
    return REAL.pidNamespace();
  }

  @Override
  public long startOf(int pid) {
    return blind.get() ? -1 : REAL.startOf(pid);
  }

  @Override
  public boolean isOfOurUser(int pid) {
    return REAL.isOfOurUser(pid);
  }

  @Override
  public boolean hasEnded(int pid, long start) {
    return REAL.hasEnded(pid, start);
  }

  @Override
  public boolean isStopped(int pid) {
    return REAL.isStopped(pid);
  }

  @Override
  public Optional<MemfdFile> memfd(int pid, long address, long bytes, String name) {
    looks.add(Thread.currentThread());
    return blind.get() ? Optional.empty() : REAL.memfd(pid, address, bytes, name);
  }

  @Override
  public Optional<String> blindness() {
    return blind.get() ? Optional.of("blind, by this test") : Optional.empty();
  }

  @Override
  public int own() {
    return REAL.own();
  }
}
