// SPDX-License-Identifier: Apache-2.0
package io.transferengine.os;

import java.lang.foreign.Arena;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.MemoryLayout;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.StructLayout;
import java.lang.foreign.ValueLayout;
import java.lang.invoke.MethodHandle;
import java.lang.ref.PhantomReference;
import java.lang.ref.ReferenceQueue;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;

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

  private static final StructLayout LAYOUT = Linker.Option.captureStateLayout();

  private static final long OFFSET =
      LAYOUT.byteOffset(MemoryLayout.PathElement.groupElement("errno"));

  /** Of threads that have ended. */
  private static final ReferenceQueue<MemorySegment> ENDED = new ReferenceQueue<>();

  /** Of threads that have not. */
  private static final Set<Lent> LENT = ConcurrentHashMap.newKeySet();

  /**
   * A thread may outlive the class loader of this class, so what the thread holds is of a class of
   * the JDK.
   */
  private static final ThreadLocal<MemorySegment> STATE =
      ThreadLocal.withInitial(CapturedErrno::lend);

  /** Knows the memory of a thread when the thread has let it go. */
  private static final class Lent extends PhantomReference<MemorySegment> {
    private final long address;

    Lent(MemorySegment view) {
      super(view, ENDED);
      address = view.address();
    }
  }

  private CapturedErrno() {}

  /**
   * Not from an automatic arena: such memory counts as direct memory, of which there may be none
   * (MaxDirectMemorySize), and a call that gives something back must not fail for that.
   */
  private static MemorySegment lend() {
    MemorySegment memory =
        ENDED.poll() instanceof Lent ended && LENT.remove(ended)
            ? MemorySegment.ofAddress(ended.address)
            : Arena.global().allocate(LAYOUT);
    MemorySegment view = memory.reinterpret(LAYOUT.byteSize());
    LENT.add(new Lent(view));
    return view;
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

  /**
   * {@return a handle for a function of the C library that takes less than a microsecond, calls
   * nothing back, and whose errno is not asked for} Collections wait for it as for Java code.
   */
  static MethodHandle shortFunction(String name, FunctionDescriptor descriptor) {
    Linker linker = Linker.nativeLinker();
    return linker.downcallHandle(
        linker.defaultLookup().findOrThrow(name), descriptor, Linker.Option.critical(false));
  }

  /** {@return this thread's memory for errno} */
  public static MemorySegment state() {
    return STATE.get();
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
