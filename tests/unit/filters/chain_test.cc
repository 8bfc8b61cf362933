#include "filters/chain.h"

#include <functional>

#include "filters/table.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/unit/filters/request.h"

namespace hawser::filters::chain_test {
namespace {

using Script = std::function<Verdict(Context&)>;

constexpr base::Duration kMost{500};
Verdict Wait() {
  return Verdict::Wait(kMost, http::Reject::kOriginNotAllowed);
}

Verdict Waits(Context&) {
  return Wait();
}
Verdict Passes(Context&) {
  return Verdict::Continue();
}

// Returns a given verdict, and records that it was called.
class Scripted : public Filter {
 public:
  Scripted(std::string& trace, char name, Script script)
      : trace_(trace), name_(name), script_(std::move(script)) {}

  Verdict OnRequest(Context& context) const override {
    trace_ += name_;
    return script_(context);
  }
  void OnResponse(Context&, http::ResponseHead& head) const override {
    trace_ += static_cast<char>(name_ - 'a' + 'A');
    ++head.status;
  }

 private:
  std::string& trace_;
  const char name_;
  const Script script_;
};

// Resumes before it has said that it waits.
class Hasty : public Filter {
 public:
  Verdict OnRequest(Context& context) const override {
    context.Resume(Verdict::Continue());
    context.Resume(Verdict::Reject(http::Reject::kNoRoute));  // too late
    return Wait();
  }
};

class ChainTest : public testing::Test {
 protected:
  void Add(char name, Script script) {
    filters_.push_back(std::make_unique<Scripted>(trace_, name, std::move(script)));
  }

  Verdict Run() {
    if (!filters_.empty()) chain_ = Chain(std::move(filters_));
    filters_.clear();
    return chain_.OnRequest(*request_.context);
  }

  Request request_;
  std::string trace_;
  std::vector<std::unique_ptr<const Filter>> filters_;
  Chain chain_{{}};
};

TEST_F(ChainTest, AnEmptyOneLetsEverythingPass) {
  EXPECT_TRUE(chain_.empty());
  EXPECT_EQ(Run(), Verdict::Continue());
}

TEST_F(ChainTest, AsksItsFiltersInOrder) {
  Add('a', Passes);
  Add('b', Passes);
  EXPECT_EQ(Run(), Verdict::Continue());
  EXPECT_EQ(trace_, "ab");
}

TEST_F(ChainTest, ARejectionEndsIt) {
  Add('a', Passes);
  Add('b', [](Context&) { return Verdict::Reject(http::Reject::kOriginNotAllowed); });
  Add('c', Passes);
  EXPECT_EQ(Run(), Verdict::Reject(http::Reject::kOriginNotAllowed));
  EXPECT_EQ(trace_, "ab");
}

TEST_F(ChainTest, GoesOnBehindTheFilterThatWaited) {
  Add('a', Passes);
  Add('b', Waits);
  Add('c', Passes);
  EXPECT_EQ(Run(), Wait());
  EXPECT_TRUE(request_.context->waiting());
  EXPECT_EQ(trace_, "ab");
  request_.context->Resume(Verdict::Continue());
  EXPECT_FALSE(request_.context->waiting());
  EXPECT_EQ(request_.woken, 0);
  request_.RunLoop();
  EXPECT_EQ(request_.woken, 1);
  EXPECT_EQ(Run(), Verdict::Continue());
  EXPECT_EQ(trace_, "abc");
}

TEST_F(ChainTest, AFilterThatWaitedMayReject) {
  Add('a', Waits);
  Add('b', Passes);
  EXPECT_EQ(Run(), Wait());
  request_.context->Resume(Verdict::Reject(http::Reject::kNoRoute));
  EXPECT_EQ(Run(), Verdict::Reject(http::Reject::kNoRoute));
  EXPECT_EQ(trace_, "a");
}

TEST_F(ChainTest, TwoFiltersMayWaitOneAfterTheOther) {
  Add('a', Waits);
  Add('b', Waits);
  EXPECT_EQ(Run(), Wait());
  request_.context->Resume(Verdict::Continue());
  EXPECT_EQ(Run(), Wait());
  EXPECT_EQ(trace_, "ab");
  request_.context->Resume(Verdict::Continue());
  EXPECT_EQ(Run(), Verdict::Continue());
}

TEST_F(ChainTest, AFilterThatResumesAtOnceDelaysNothingAndCallsNobody) {
  filters_.push_back(std::make_unique<Hasty>());
  Add('b', Passes);
  EXPECT_EQ(Run(), Verdict::Continue());
  EXPECT_EQ(trace_, "b");
  request_.RunLoop();
  EXPECT_EQ(request_.woken, 0);
}

TEST_F(ChainTest, AChainThatGoesOnBeforeItsCallIsNotCalled) {
  Add('a', Waits);
  EXPECT_EQ(Run(), Wait());
  request_.context->Resume(Verdict::Continue());
  EXPECT_EQ(Run(), Verdict::Continue());
  request_.RunLoop();
  EXPECT_EQ(request_.woken, 0);
}

TEST_F(ChainTest, OnlyTheFirstVerdictCounts) {
  Add('a', Waits);
  EXPECT_EQ(Run(), Wait());
  request_.context->Resume(Verdict::Reject(http::Reject::kNoRoute));
  request_.context->Resume(Verdict::Continue());
  EXPECT_EQ(Run(), Verdict::Reject(http::Reject::kNoRoute));
}

TEST_F(ChainTest, LatenessHasTheFiltersOwnReasonAndNoVerdictCountsAfterIt) {
  Add('a', Waits);
  Verdict verdict = Run();
  EXPECT_EQ(verdict.most(), kMost);
  EXPECT_EQ(request_.context->Expire(), http::Reject::kOriginNotAllowed);
  EXPECT_FALSE(request_.context->waiting());
  request_.context->Resume(Verdict::Continue());
  request_.RunLoop();
  EXPECT_EQ(request_.woken, 0);
}

TEST_F(ChainTest, LatenessWithoutAReasonIsAFilterTimeout) {
  Add('a', [](Context&) { return Verdict::Wait(kMost); });
  Run();
  EXPECT_EQ(request_.context->Expire(), http::Reject::kFilterTimeout);
}

TEST_F(ChainTest, AFilterMayAnswerAtOnceOrLater) {
  const auto answer = [] {
    return Verdict::Answer(http::MakeLocalResponse(401, {{"WWW-Authenticate", "Bearer"}}, "who?"),
                           http::Reject::kOriginNotAllowed);
  };
  Add('a', Waits);
  Add('b', [answer](Context&) { return answer(); });
  Add('c', Passes);
  EXPECT_EQ(Run(), Wait());
  request_.context->Resume(Verdict::Continue());
  Verdict verdict = Run();
  ASSERT_EQ(verdict.kind(), Verdict::Kind::kAnswer);
  EXPECT_EQ(verdict.reason(), http::Reject::kOriginNotAllowed);
  EXPECT_EQ(verdict.TakeResponse().body, "who?");
  EXPECT_EQ(trace_, "ab");

  request_.Renew();
  EXPECT_EQ(Run(), Wait());
  request_.context->Resume(answer());
  EXPECT_EQ(Run().TakeResponse().status, 401);
}

// Counts the requests of one worker and route.
class Counting : public Filter {
 public:
  AnyObject MakeLocal(event::Loop&) const override { return AnyObject(std::make_unique<int>(0)); }
  Verdict OnRequest(Context& context) const override {
    ++context.Local<int>();
    return Verdict::Continue();
  }
  void OnResponse(Context& context, http::ResponseHead& head) const override {
    head.status = context.Local<int>();
  }
};

TEST_F(ChainTest, AFilterKeepsWhatItNeedsOnEachWorker) {
  Add('a', Passes);
  filters_.push_back(std::make_unique<Counting>());
  Add('b', Passes);
  chain_ = Chain(std::move(filters_));
  filters_.clear();
  const Locals first = chain_.MakeLocals(request_.loop());
  const Locals second = chain_.MakeLocals(request_.loop());
  http::ResponseHead head;
  for (int i = 1; i <= 3; ++i) {
    request_.Renew(first);
    Run();
    chain_.OnResponse(*request_.context, head);
    EXPECT_EQ(head.status, i + 1) << "filter a has added one";
  }
  request_.Renew(second);
  Run();
  chain_.OnResponse(*request_.context, head);
  EXPECT_EQ(head.status, 1 + 1);
}

TEST_F(ChainTest, FiltersThatKeepNothingAllocateNothing) {
  Add('a', Passes);
  EXPECT_EQ(Run(), Verdict::Continue());
  EXPECT_EQ(chain_.MakeLocals(request_.loop()).capacity(), 0U);
}

TEST_F(ChainTest, ADestroyedContextCallsNobody) {
  Add('a', Waits);
  EXPECT_EQ(Run(), Wait());
  request_.context->Resume(Verdict::Continue());
  request_.context.reset();
  request_.RunLoop();
  EXPECT_EQ(request_.woken, 0);
}

TEST_F(ChainTest, AResponseMeetsTheFiltersThatHaveSeenTheRequestLastFirst) {
  Add('a', Passes);
  Add('b', [](Context&) { return Verdict::Reject(http::Reject::kNoRoute); });
  Add('c', Passes);
  Run();
  http::ResponseHead head;
  chain_.OnResponse(*request_.context, head);
  EXPECT_EQ(trace_, "abBA");
  EXPECT_EQ(head.status, 2);
}

TEST_F(ChainTest, WhatAFilterAttachesOutlivesItsContext) {
  const auto left = std::make_shared<int>(1);
  request_.context->Attach(std::make_unique<std::shared_ptr<int>>(left));
  Attachments attachments = request_.context->TakeAttachments();
  request_.context.reset();
  EXPECT_EQ(left.use_count(), 2);
  attachments.Clear();
  EXPECT_EQ(left.use_count(), 1);
}

TEST_F(ChainTest, UntakenAttachmentsAreDestroyedWithTheContext) {
  const auto left = std::make_shared<int>(1);
  request_.context->Attach(std::make_unique<std::shared_ptr<int>>(left));
  request_.context.reset();
  EXPECT_EQ(left.use_count(), 1);
}

TEST(FilterTable, MakesTheFilterWhoseMemberIsGiven) {
  const auto made = MakeFilter({.origin = config::OriginFilter{.allow = {"same-host"}}});
  ASSERT_TRUE(made.ok());
  EXPECT_NE(*made, nullptr);
}

TEST(FilterTable, AnEntryWithoutAMemberIsAnError) {
  EXPECT_FALSE(MakeFilter({}).ok());
}

TEST(Chain, IsMadeFromTheConfig) {
  const std::vector<config::FilterConfig> good = {
      {.origin = config::OriginFilter{.allow = {"https://example.com"}}}};
  ASSERT_TRUE(Chain::Create(good).ok());
  EXPECT_FALSE(Chain::Create(good)->empty());
  const std::vector<config::FilterConfig> bad = {{.origin = config::OriginFilter{.allow = {"example.com"}}}};
  EXPECT_FALSE(Chain::Create(bad).ok());
}

}  // namespace
}  // namespace hawser::filters::chain_test
