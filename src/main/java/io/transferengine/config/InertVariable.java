// SPDX-License-Identifier: Apache-2.0
package io.transferengine.config;

/**
 * A variable of the C++ engine that is known here and has no effect. Setting one gives one WARN, so
 * that nobody tunes in vain.
 *
 * @param name the variable
 * @param reason why it has no effect, as a sentence
 */
public record InertVariable(String name, String reason) {}
