import os
from cep_orchestration_tests.leads.test_state_machine import *
from cep_orchestration.leads import delivery_sql, operator_sql, rules, sql, store, channel_store
from sqlalchemy import text
del test_nobody_is_reached_twice_and_nothing_is_out_of_sight_whatever_happens
def sub(mod, name, old, new):
    t=getattr(mod,name); s=t.text
    assert old in s, (name, old)
    setattr(mod,name,text(s.replace(old,new)))
M={
 "none": lambda: None,
 "takeover_email_pending": lambda: sub(delivery_sql,"TAKE_OVER","WHEN d.channel <> ALL(:repeatable) THEN 'unknown'","WHEN d.channel = 'advisor_message' THEN 'unknown'"),
 "takeover_wa_pending": lambda: sub(delivery_sql,"TAKE_OVER","WHEN d.channel <> ALL(:repeatable) THEN 'unknown'","WHEN d.channel = 'confirmation_email' THEN 'unknown'"),
 "settle_no_batch": lambda: sub(delivery_sql,"SETTLE"," AND d.batch = :batch",""),
 "settle_no_drain": lambda: sub(delivery_sql,"SETTLE"," AND d.claimed_by = :drain AND d.batch = :batch",""),
 "settle_any_state": lambda: sub(delivery_sql,"SETTLE","AND d.state IN ('sending', 'unknown')",""),
 "conclude_resends": lambda: setattr(rules,"_of_accepted",lambda c,f: rules.settle(c, f if isinstance(f,(rules.Sent,rules.Rejected)) else rules.Retry("x"),repeatable=False,jitter=0.0,look_up_seconds=600.)),
 "no_twins": lambda: sub(delivery_sql,"CLAIM_ANY","WHERE :unique AND","WHERE false AND :unique AND"),
 "no_attempt_limit": lambda: setattr(rules,"MAX_ATTEMPTS",5),
 "again_ignores_state": lambda: sub(operator_sql,"AGAIN","look_up_at = NULL, claimed_by = NULL","look_up_at = NULL"),
 "lookup_no_more": lambda: sub(delivery_sql,"TAKE_OVER","d.claimed_at + make_interval(secs => :look_up)","NULL::timestamptz"),
 "count_twice": lambda: sub(sql,"RECORD","live_counts.value + excluded.value","live_counts.value + excluded.value + 1"),
 "replay_sent": lambda: setattr(__import__("cep_orchestration.leads.operator_store",fromlist=["x"]),"REPLAYABLE",("dead","skipped","sent")),
}
def test_x(cms):
    M[os.environ.get("MUT","none")]()
    run_state_machine_as_test(lambda: Promises(cms), settings=PROFILE)
