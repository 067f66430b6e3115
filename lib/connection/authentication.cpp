// The two halves of the handshake over a Connection, for programs that put it together themselves.

#include <string>
#include <string_view>

#include <multiprocessing/connection.hpp>
#include <multiprocessing/errors.hpp>

#include "wire/challenge.hpp"

namespace multiprocessing {
namespace {

wire::Credentials credentials(std::string_view authkey, bool allow_md5) {
  return {.key = std::string(authkey), .allow_md5 = allow_md5};
}

wire::Digest digest_named(std::string_view name, bool allow_md5) {
  const auto digest = wire::digest_named(name);
  if (!digest) throw ValueError("unknown digest: " + std::string(name));
  if (*digest == wire::Digest::md5 && !allow_md5) {
    throw ValueError("the digest md5 needs allow_md5 = true");
  }
  return *digest;
}

wire::Bytes receive(const Connection& connection) {
  return connection.recv_bytes(wire::kMaxHandshakeMessage);
}

}  // namespace

void deliver_challenge(const Connection& connection, std::string_view authkey,
                       std::string_view digest_name, bool allow_md5) {
  const wire::Bytes challenge = wire::make_challenge(digest_named(digest_name, allow_md5));
  connection.send_bytes(challenge);
  const wire::Bytes answer = receive(connection);
  try {
    wire::check_answer(answer, challenge, credentials(authkey, allow_md5));
  } catch (const AuthenticationError&) {
    connection.send_bytes(wire::bytes_of(wire::kFailure));
    throw;
  }
  connection.send_bytes(wire::bytes_of(wire::kWelcome));
}

void answer_challenge(const Connection& connection, std::string_view authkey, bool allow_md5) {
  connection.send_bytes(wire::answer_to(receive(connection), credentials(authkey, allow_md5)));
  wire::check_judgement(receive(connection));
}

}  // namespace multiprocessing
