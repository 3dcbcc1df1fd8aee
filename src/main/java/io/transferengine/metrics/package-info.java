// SPDX-License-Identifier: Apache-2.0
/** What the engine counts, and how to read it. Depends on {@code java.base} only. */
package io.transferengine.metrics;
