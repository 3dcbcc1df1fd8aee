// SPDX-License-Identifier: Apache-2.0
package io.transferengine.transport.local;

import io.transferengine.os.LinuxProcesses;
import io.transferengine.os.Processes;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.atomic.AtomicInteger;

/** Processes of which the test says what became of them. */
class Told implements Processes {
  final Set<Integer> ended = ConcurrentHashMap.newKeySet();
  final Set<Integer> stopped = ConcurrentHashMap.newKeySet();

  /** How often it was found out whether a peer has ended. */
  final AtomicInteger endLooks = new AtomicInteger();

  /** How often somebody has waited so long that it was found out whether a peer is stopped. */
  final AtomicInteger looks = new AtomicInteger();

  private final Processes real = new LinuxProcesses();

  @Override
  public long startOf(int pid) {
    return pid;
  }

  @Override
  public boolean isOfOurUser(int pid) {
    return true;
  }

  @Override
  public boolean hasEnded(int pid, long start) {
    endLooks.incrementAndGet();
    return ended.contains(pid);
  }

  @Override
  public boolean isStopped(int pid) {
    looks.incrementAndGet();
    return stopped.contains(pid);
  }

  @Override
  public Optional<MemfdFile> memfd(int pid, long address, long bytes, String name) {
    return real.memfd(pid, address, bytes, name);
  }

  @Override
  public int own() {
    return real.own();
  }

  @Override
  public String bootId() {
    return "boot";
  }

  @Override
  public long pidNamespace() {
    return 1;
  }
}
