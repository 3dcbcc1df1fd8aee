// SPDX-License-Identifier: Apache-2.0
package io.transferengine.os;

import java.lang.foreign.Arena;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.MemoryLayout;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.lang.invoke.MethodHandle;
import java.lang.ref.Cleaner;
import java.util.Queue;
import java.util.concurrent.ConcurrentLinkedQueue;

/**
 * Keeps {@code errno} of a native call. The JVM itself may change it before Java code reads it. So
 * the linker copies it right after the call, into memory that no other thread uses.
 */
@SuppressWarnings("restricted") // makes handles; calls nothing
public final class CapturedErrno {
  /**
   * The option for handles of functions that set errno. Such a handle takes {@link #state()} as an
   * argument.
   */
  public static final Linker.Option OPTION = Linker.Option.captureCallState("errno");

  private static final long OFFSET =
      Linker.Option.captureStateLayout().byteOffset(MemoryLayout.PathElement.groupElement("errno"));

  /** Of threads that have ended. */
  private static final Queue<MemorySegment> FREE = new ConcurrentLinkedQueue<>();

  private static final Cleaner CLEANER = Cleaner.create();

  private static final ThreadLocal<Held> STATE = ThreadLocal.withInitial(CapturedErrno::taken);

  /** What a thread has until it ends. */
  private record Held(MemorySegment memory) {}

  private CapturedErrno() {}

  /**
   * Not from an automatic arena: such memory counts as direct memory, of which there may be none
   * (MaxDirectMemorySize), and a call that gives something back must not fail for that.
   */
  private static Held taken() {
    MemorySegment free = FREE.poll();
    MemorySegment memory =
        free == null ? Arena.global().allocate(Linker.Option.captureStateLayout()) : free;
    Held held = new Held(memory);
    var _ = CLEANER.register(held, () -> FREE.add(memory));
    return held;
  }

  /** {@return a handle for a function of the C library, which takes {@link #state()} first} */
  static MethodHandle function(
      String name, FunctionDescriptor descriptor, Linker.Option... options) {
    Linker linker = Linker.nativeLinker();
    Linker.Option[] all = new Linker.Option[options.length + 1];
    all[0] = OPTION;
    System.arraycopy(options, 0, all, 1, options.length);
    return linker.downcallHandle(linker.defaultLookup().findOrThrow(name), descriptor, all);
  }

  /** {@return this thread's memory for errno} */
  public static MemorySegment state() {
    return STATE.get().memory;
  }

  /** {@return errno of this thread's last call that took {@link #state()}} */
  public static int get() {
    return state().get(ValueLayout.JAVA_INT, OFFSET);
  }

  /**
   * {@return the exception for what {@code invokeExact} threw} A native call itself throws nothing.
   * So an argument was invalid (a closed arena), or there is a bug.
   */
  public static RuntimeException unexpected(Throwable thrown) {
    if (thrown instanceof RuntimeException argument) {
      return argument;
    }
    if (thrown instanceof Error error) {
      throw error;
    }
    throw new AssertionError(thrown);
  }
}
