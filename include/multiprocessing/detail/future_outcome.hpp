#pragma once

/// \file multiprocessing/detail/future_outcome.hpp
/// What came of a future as it lies in shared memory: an encoded value or exception.
///
///   sharing   types and templates only
///   threads   as SharedFuture
///   ordering  as SharedFuture
///   death     as SharedFuture

#include <cstdint>
#include <exception>
#include <optional>
#include <type_traits>

#include <multiprocessing/detail/codec.hpp>
#include <multiprocessing/detail/exception.hpp>
#include <multiprocessing/detail/future_base.hpp>
#include <multiprocessing/detail/outgoing_message.hpp>
#include <multiprocessing/detail/schema.hpp>
#include <multiprocessing/detail/shared_future.hpp>

namespace multiprocessing::detail {

template <class R>
struct ResultParts {
  using type = Types<R>;
};
template <class R>
  requires std::is_void_v<R>
struct ResultParts<R> {
  using type = Types<>;
};
/// What a future of R is made of, for its Codec.
template <class R>
using ResultTypes = typename ResultParts<R>::type;

/// What a process must agree on with the one that sent the future.
template <class R>
std::uint64_t future_type() {
  if constexpr (std::is_void_v<R>) {
    return 0;
  } else {
    return type_id<R>();
  }
}

/// Completes it for the other processes, once. A value that cannot be encoded is an exception to
/// them.
template <class R>
void publish_outcome(const SharedFuture& shared, std::exception_ptr error,
                     const std::optional<Kept_t<R>>& value) noexcept {
  if (shared.status() >= FutureStatus::cancelled) return;
  if (!error) {
    try {
      OutgoingMessage message;
      if constexpr (!std::is_void_v<R>) encode_value(message.writer(), *value);
      return shared.complete(message, false);
    } catch (...) {
      error = std::current_exception();
    }
  }
  OutgoingMessage message;
  try {
    encode_exception(message.writer(), error);
  } catch (...) {  // no memory: complete() says so
  }
  shared.complete(message, true);
}

}  // namespace multiprocessing::detail
