// SPDX-License-Identifier: Apache-2.0
/** The client of HTTP metadata servers, Mooncake's and ours (protocol section 2). */
package io.transferengine.metadata.http;
