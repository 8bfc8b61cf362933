#include "filters/chain.h"

#include "filters/table.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/unit/filters/request.h"

namespace hawser::filters {
namespace {

// Says what it is told to say, and writes down that it was asked.
class Scripted : public Filter {
 public:
  Scripted(std::string& trace, char name, Verdict verdict) : trace_(trace), name_(name), verdict_(verdict) {}

  Verdict OnRequest(Context&) const override {
    trace_ += name_;
    return verdict_;
  }
  void OnResponse(Context&, http::ResponseHead& head) const override {
    trace_ += static_cast<char>(name_ - 'a' + 'A');
    ++head.status;
  }

 private:
  std::string& trace_;
  const char name_;
  const Verdict verdict_;
};

// Resumes before it has said that it waits.
class Hasty : public Filter {
 public:
  Verdict OnRequest(Context& context) const override {
    context.Resume(Verdict::Continue());
    context.Resume(Verdict::Reject(http::Reject::kNoRoute));  // too late
    return Verdict::Wait();
  }
};

class ChainTest : public testing::Test {
 protected:
  void Add(char name, Verdict verdict) {
    filters_.push_back(std::make_unique<Scripted>(trace_, name, verdict));
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
  Add('a', Verdict::Continue());
  Add('b', Verdict::Continue());
  EXPECT_EQ(Run(), Verdict::Continue());
  EXPECT_EQ(trace_, "ab");
}

TEST_F(ChainTest, ARejectionEndsIt) {
  Add('a', Verdict::Continue());
  Add('b', Verdict::Reject(http::Reject::kOriginNotAllowed));
  Add('c', Verdict::Continue());
  EXPECT_EQ(Run(), Verdict::Reject(http::Reject::kOriginNotAllowed));
  EXPECT_EQ(trace_, "ab");
}

TEST_F(ChainTest, GoesOnBehindTheFilterThatWaited) {
  Add('a', Verdict::Continue());
  Add('b', Verdict::Wait());
  Add('c', Verdict::Continue());
  EXPECT_EQ(Run(), Verdict::Wait());
  EXPECT_EQ(Run(), Verdict::Wait());
  EXPECT_EQ(trace_, "ab");
  request_.context->Resume(Verdict::Continue());
  EXPECT_EQ(request_.woken, 0);
  request_.RunLoop();
  EXPECT_EQ(request_.woken, 1);
  EXPECT_EQ(Run(), Verdict::Continue());
  EXPECT_EQ(trace_, "abc");
}

TEST_F(ChainTest, AFilterThatWaitedMayReject) {
  Add('a', Verdict::Wait());
  Add('b', Verdict::Continue());
  EXPECT_EQ(Run(), Verdict::Wait());
  request_.context->Resume(Verdict::Reject(http::Reject::kNoRoute));
  EXPECT_EQ(Run(), Verdict::Reject(http::Reject::kNoRoute));
  EXPECT_EQ(trace_, "a");
}

TEST_F(ChainTest, TwoFiltersMayWaitOneAfterTheOther) {
  Add('a', Verdict::Wait());
  Add('b', Verdict::Wait());
  EXPECT_EQ(Run(), Verdict::Wait());
  request_.context->Resume(Verdict::Continue());
  EXPECT_EQ(Run(), Verdict::Wait());
  EXPECT_EQ(trace_, "ab");
  request_.context->Resume(Verdict::Continue());
  EXPECT_EQ(Run(), Verdict::Continue());
}

TEST_F(ChainTest, AFilterThatResumesAtOnceDelaysNothingAndWakesNobody) {
  filters_.push_back(std::make_unique<Hasty>());
  Add('b', Verdict::Continue());
  EXPECT_EQ(Run(), Verdict::Continue());
  EXPECT_EQ(trace_, "b");
  request_.RunLoop();
  EXPECT_EQ(request_.woken, 0);
}

TEST_F(ChainTest, AContextThatGoesWakesNobody) {
  Add('a', Verdict::Wait());
  EXPECT_EQ(Run(), Verdict::Wait());
  request_.context->Resume(Verdict::Continue());
  request_.context.reset();
  request_.RunLoop();
  EXPECT_EQ(request_.woken, 0);
}

TEST_F(ChainTest, AResponseMeetsTheFiltersThatHaveSeenTheRequestLastFirst) {
  Add('a', Verdict::Continue());
  Add('b', Verdict::Reject(http::Reject::kNoRoute));
  Add('c', Verdict::Continue());
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

TEST_F(ChainTest, WhatNobodyTakesGoesWithTheContext) {
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
}  // namespace hawser::filters
