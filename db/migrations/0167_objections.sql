-- Who was told first may object before all are told, and whoever learns of a case otherwise as well (G-53).
INSERT INTO disclosure.transition (act, from_state, state) VALUES ('object', 'notice_due', 'objected'), ('object', 'notifying', 'objected');
