// SPDX-License-Identifier: Apache-2.0
/**
 * The options, and the only place that reads the environment. {@link
 * io.transferengine.config.Options} lists them, {@link io.transferengine.config.Settings} holds
 * their values; no other package calls {@code System.getenv}.
 */
package io.transferengine.config;
