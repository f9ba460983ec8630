/** A run that makes nothing, and so only sweeps after others. */
import { test } from 'uvu'

test('nothing', () => {})

test.run()
