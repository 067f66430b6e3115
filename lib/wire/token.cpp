#include <dlfcn.h>

#include <array>
#include <charconv>
#include <cstring>
#include <string>

#include <multiprocessing/detail/token.hpp>
#include <multiprocessing/errors.hpp>

#include "wire/module_table.hpp"
#include "wire/names.hpp"

namespace multiprocessing::detail {

// Addresses come from the loader as numbers: NOLINTBEGIN(performance-no-int-to-ptr)

namespace {

std::string hex(std::uint64_t number) {
  std::array<char, 16> digits{};
  auto* const end = std::to_chars(digits.begin(), digits.end(), number, 16).ptr;
  return "0x" + std::string(digits.data(), end);
}

const wire::Module* module_at(std::uintptr_t address) {
  for (const auto& module : wire::loaded_modules()) {
    if (module.contains(address)) return &module;
  }
  return nullptr;
}

[[noreturn]] void throw_unknown_module(CodeToken token) {
  const auto& modules = wire::loaded_modules();
  std::string text = "code of another build: it comes from module " + hex(token.module_id) +
                     ", which is not loaded here";
  if (!modules.empty()) {
    text += " (this is " + modules.front().path + ", module " + hex(modules.front().id) + ", " +
            modules.front().build + ")";
  }
  throw TransferError(text);
}

// How a pointer travels: what it is, then a token or an offset in the vtable; for members the
// adjustment of `this` after it.
enum class PointerKind : unsigned char { null, code, virtual_member };

struct MemberPointer {  // Itanium C++ ABI
  std::uintptr_t pointer;
  std::ptrdiff_t adjustment;
};

// Only members can be virtual: the address of a plain function may be any number, an odd one, too.
PointerKind kind_of(const MemberPointer& member, std::size_t size) {
  if (size < sizeof member) return member.pointer == 0 ? PointerKind::null : PointerKind::code;
#if defined(__aarch64__) || defined(__arm__)
  if ((member.adjustment & 1) != 0) return PointerKind::virtual_member;
#else
  if ((member.pointer & 1U) != 0) return PointerKind::virtual_member;
#endif
  return member.pointer == 0 ? PointerKind::null : PointerKind::code;
}

}  // namespace

CodeToken token_of_address(const void* address) {
  const auto here = reinterpret_cast<std::uintptr_t>(address);
  const wire::Module* module = module_at(here);
  if (module == nullptr) throw TransferError("a function that belongs to no module: " + hex(here));
  return {module->id, here - module->base};
}

void* address_of_token(CodeToken token) {
  for (const auto& module : wire::loaded_modules()) {
    if (module.id != token.module_id) continue;
    const std::uintptr_t address = module.base + token.offset;
    if (!module.has_code_at(address)) throw_malformed("a code token that names no code");
    return reinterpret_cast<void*>(address);
  }
  throw_unknown_module(token);
}

void encode_code_pointer(Writer& out, const void* pointer, std::size_t size) {
  MemberPointer member{};
  std::memcpy(&member, pointer, size);
  const PointerKind kind = kind_of(member, size);
  out.plain(kind);
  if (kind == PointerKind::code) {
    encode_token(out, token_of_address(reinterpret_cast<const void*>(member.pointer)));
  } else if (kind == PointerKind::virtual_member) {
    out.plain(member.pointer);
  }
  if (size == sizeof member) out.plain(member.adjustment);
}

void decode_code_pointer(Reader& in, void* pointer, std::size_t size) {
  if (!in.trusted()) throw_untrusted("a function");
  MemberPointer member{};
  switch (in.plain<PointerKind>()) {
    case PointerKind::null:
      break;
    case PointerKind::code:
      member.pointer = reinterpret_cast<std::uintptr_t>(address_of_token(decode_token(in)));
      break;
    case PointerKind::virtual_member:
      member.pointer = in.plain<std::uintptr_t>();
      break;
    default:
      throw_malformed("a function pointer of an unknown kind");
  }
  if (size == sizeof member) member.adjustment = in.plain<std::ptrdiff_t>();
  std::memcpy(pointer, &member, size);
}

std::string function_name(const void* address) {
  Dl_info info{};
  if (dladdr(address, &info) != 0 && info.dli_saddr == address && info.dli_sname != nullptr) {
    return wire::without_noise(wire::demangle(info.dli_sname));
  }
  const auto here = reinterpret_cast<std::uintptr_t>(address);
  const wire::Module* module = module_at(here);
  if (module == nullptr) return hex(here);
  const auto name = module->path.substr(module->path.rfind('/') + 1);
  return name + "+" + hex(here - module->base);
}

// NOLINTEND(performance-no-int-to-ptr)

}  // namespace multiprocessing::detail
