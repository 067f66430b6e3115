#pragma once

/// \file multiprocessing/detail/token.hpp
/// Code as a value: (module, offset) names a function in every process that runs the same build.
///
///   sharing   a token is 16 bytes of plain data; an address is not
///   threads   every function may be called concurrently
///   ordering  none
///   death     nothing shared is touched

#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <string>

#include <multiprocessing/detail/codec_stream.hpp>

namespace multiprocessing::detail {

struct CodeToken {
  std::uint64_t module_id = 0;  // hash of the module's build-id, or of its path if it has none
  std::uint64_t offset = 0;     // from the address at which the module is loaded
  friend bool operator==(const CodeToken&, const CodeToken&) = default;
};

/// \throws TransferError if no loaded module contains `address`.
MULTIPROCESSING_API CodeToken token_of_address(const void* address);

/// The address here. \throws TransferError if no such module is loaded, or it has no code there.
MULTIPROCESSING_API void* address_of_token(CodeToken token);

template <class R, class... Args>
CodeToken token_of_function(R (*function)(Args...)) {
  return token_of_address(reinterpret_cast<const void*>(function));
}

/// The function that `token` names, of which the caller knows the type.
template <class Function>
Function* function_of_token(CodeToken token) {
  return reinterpret_cast<Function*>(address_of_token(token));
}

inline void encode_token(Writer& out, CodeToken token) {
  out.plain(token);
}
inline CodeToken decode_token(Reader& in) {
  if (!in.trusted()) throw_untrusted("a function");
  return in.plain<CodeToken>();
}

/// A pointer to a function or to a member function, null included.
MULTIPROCESSING_API void encode_code_pointer(Writer& out, const void* pointer, std::size_t size);
MULTIPROCESSING_API void decode_code_pointer(Reader& in, void* pointer, std::size_t size);

template <class Pointer>
Pointer decode_code_pointer(Reader& in) {
  std::array<std::byte, sizeof(Pointer)> bytes;
  decode_code_pointer(in, bytes.data(), bytes.size());
  return std::bit_cast<Pointer>(bytes);
}

/// The function's name if the module tells it, else "module+0x1234".
MULTIPROCESSING_API std::string function_name(const void* address);

}  // namespace multiprocessing::detail
