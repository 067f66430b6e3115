// Challenges and answers, byte for byte: CPython's two forms, and what is refused.

#include "wire/challenge.hpp"

#include <multiprocessing/errors.hpp>

#include <gtest/gtest.h>

#include <string>

namespace multiprocessing::wire {
namespace {

const Credentials kStrict{.key = "secret"};
const Credentials kLenient{.key = "secret", .allow_md5 = true};

Bytes bytes(std::string_view text) {
  const View view = bytes_of(text);
  return {view.begin(), view.end()};
}

std::string text(View view) {
  return {reinterpret_cast<const char*>(view.data()), view.size()};
}

std::string hex(View view) {
  std::string out;
  for (const std::byte byte : view) {
    constexpr std::string_view kDigits = "0123456789abcdef";
    out += kDigits[std::to_integer<unsigned>(byte) >> 4U];
    out += kDigits[std::to_integer<unsigned>(byte) & 15U];
  }
  return out;
}

// The bytes 0, 1, 2 ...
std::string counting(int count) {
  std::string out;
  for (int i = 0; i < count; ++i) out += static_cast<char>(i);
  return out;
}

std::string reason(const auto& steps) {
  try {
    steps();
  } catch (const AuthenticationError& error) {
    return error.what();
  }
  return "nothing was thrown";
}

TEST(DigestTest, CodesAreThoseOfCPython) {
  const Bytes prefixed = bytes("{sha256}" + counting(40));

  EXPECT_EQ(hex(keyed_digest(Digest::sha256, bytes_of("secret"), prefixed)),
            "fc57fbe650d6124b98215e7b5d197d5807ad69982d275a9735ea2d56f1fa6989");
  EXPECT_EQ(hex(keyed_digest(Digest::md5, bytes_of("secret"), prefixed)),
            "8e48d2bb349b4b72b9382999ed5b62eb");
  EXPECT_EQ(hex(keyed_digest(Digest::md5, bytes_of("secret"), bytes(counting(20)))),
            "7defa9cc46abc3583325d17ccda75190");
}

TEST(DigestTest, EveryDigestHasItsNameAndLength) {
  for (const auto& [name, size] :
       {std::pair{"md5", 16}, {"sha256", 32}, {"sha384", 48}, {"sha3_256", 32}, {"sha3_384", 48}}) {
    const auto digest = digest_named(name);
    ASSERT_TRUE(digest) << name;
    EXPECT_EQ(digest_name(*digest), name);
    EXPECT_EQ(keyed_digest(*digest, bytes_of("k"), bytes_of("m")).size(), std::size_t(size));
  }
  EXPECT_FALSE(digest_named("sha1"));
}

TEST(DigestTest, EmptyAndVeryLongKeysAreKeys) {
  // Both computed with Python's hmac.new(key, b"m", "sha256").
  EXPECT_EQ(hex(keyed_digest(Digest::sha256, {}, bytes_of("m"))),
            "a64092104c76d9ef65599c33c177609ecd49857456eb28133c4daea25bea960a");
  EXPECT_EQ(hex(keyed_digest(Digest::sha256, bytes(std::string(1000, 'k')), bytes_of("m"))),
            "bac72e2b5aaab32abc9ce246607d93c4f05498dd6c774857718011277d315205");
}

TEST(DigestTest, EqualityNeedsEqualLength) {
  EXPECT_TRUE(equal_in_constant_time(bytes_of("abc"), bytes_of("abc")));
  EXPECT_FALSE(equal_in_constant_time(bytes_of("abc"), bytes_of("abd")));
  EXPECT_FALSE(equal_in_constant_time(bytes_of("abc"), bytes_of("ab")));
}

TEST(ChallengeTest, NewFormNamesTheDigestBeforeFortyRandomBytes) {
  const std::string one = text(make_challenge());
  const std::string other = text(make_challenge());

  EXPECT_EQ(one.size(), 59U);
  EXPECT_EQ(one.substr(0, 19), "#CHALLENGE#{sha256}");
  EXPECT_NE(one, other);
}

TEST(ChallengeTest, AnswerCarriesTheDigestsNameOfTheChallenge) {
  const std::string answer = text(answer_to(bytes("#CHALLENGE#{sha256}" + counting(40)), kStrict));

  EXPECT_EQ(answer.substr(0, 8), "{sha256}");
  EXPECT_EQ(hex(bytes(answer.substr(8))),
            "fc57fbe650d6124b98215e7b5d197d5807ad69982d275a9735ea2d56f1fa6989");
}

TEST(ChallengeTest, EveryNamedDigestIsAnsweredInKind) {
  for (const std::string name : {"md5", "sha256", "sha384", "sha3_256", "sha3_384"}) {
    const Bytes challenge = bytes("#CHALLENGE#{" + name + "}" + counting(40));
    const Bytes answer = answer_to(challenge, kLenient);

    EXPECT_TRUE(text(answer).starts_with("{" + name + "}"));
    EXPECT_NO_THROW(check_answer(answer, challenge, kLenient));
  }
}

TEST(ChallengeTest, OldFormIsAnsweredWithSixteenBareBytes) {
  const Bytes answer = answer_to(bytes("#CHALLENGE#" + counting(20)), kLenient);

  EXPECT_EQ(hex(answer), "7defa9cc46abc3583325d17ccda75190");
}

// A nameless challenge may begin with a brace: its length alone decides.
TEST(ChallengeTest, TwentyBytesAreTheOldFormWhateverTheySay) {
  EXPECT_EQ(answer_to(bytes("#CHALLENGE#{sha256}" + counting(12)), kLenient).size(), 16U);
  EXPECT_FALSE(read_name(bytes("{sha256}12345678")).digest);
}

TEST(ChallengeTest, OldAnswerToANewChallengeIsRightWhereMd5IsAllowed) {
  const Bytes challenge = bytes("#CHALLENGE#{sha256}" + counting(40));
  const Bytes answer = keyed_digest(Digest::md5, bytes_of("secret"), View(challenge).subspan(11));

  EXPECT_NO_THROW(check_answer(answer, challenge, kLenient));
  EXPECT_NE(reason([&] { check_answer(answer, challenge, kStrict); }).find(".allow_md5 = true"),
            std::string::npos);
}

TEST(ChallengeTest, Md5IsRefusedUnlessAllowed) {
  EXPECT_THROW(static_cast<void>(answer_to(bytes("#CHALLENGE#" + counting(20)), kStrict)),
               AuthenticationError);
  EXPECT_THROW(static_cast<void>(answer_to(bytes("#CHALLENGE#{md5}" + counting(40)), kStrict)),
               AuthenticationError);
}

TEST(ChallengeTest, AnswerUnderAnotherKeyIsWrong) {
  const Bytes challenge = make_challenge();
  const Bytes answer = answer_to(challenge, Credentials{.key = "guess"});

  EXPECT_TRUE(reason([&] {
                check_answer(answer, challenge, kStrict);
              }).starts_with("digest received was wrong: "));
}

TEST(ChallengeTest, AnswerOfTheWrongLengthIsWrong) {
  const Bytes challenge = make_challenge();
  Bytes answer = answer_to(challenge, kStrict);
  answer.pop_back();

  EXPECT_THROW(check_answer(answer, challenge, kStrict), AuthenticationError);
  EXPECT_THROW(check_answer(bytes("{sha256}"), challenge, kStrict), AuthenticationError);
  EXPECT_THROW(check_answer({}, challenge, kStrict), AuthenticationError);
}

TEST(ChallengeTest, UnknownAndMalformedNamesAreRefused) {
  for (const std::string name : {"{sha1}", "{SHA256}", "{}", "{sha256", "sha256}", "{sha256 }"}) {
    const Bytes challenge = bytes("#CHALLENGE#" + name + counting(40));
    EXPECT_THROW(static_cast<void>(answer_to(challenge, kLenient)), AuthenticationError) << name;
  }
}

TEST(ChallengeTest, ChallengeThatIsTooShortSaysSo) {
  EXPECT_EQ(reason([] { static_cast<void>(answer_to(bytes("#CHALLENGE#12345"), kLenient)); }),
            "challenge too short: 5 bytes");
}

TEST(ChallengeTest, SomethingElseThanAChallengeIsRefused) {
  EXPECT_THROW(static_cast<void>(answer_to(bytes("GET / HTTP/1.1"), kLenient)),
               AuthenticationError);
}

TEST(ChallengeTest, OnlyAWelcomeIsAWelcome) {
  EXPECT_NO_THROW(check_judgement(bytes_of("#WELCOME#")));
  for (const std::string_view other : {"#FAILURE#", "something bogus", "", "#WELCOME#!"}) {
    EXPECT_THROW(check_judgement(bytes_of(other)), AuthenticationError) << other;
  }
}

}  // namespace
}  // namespace multiprocessing::wire
