import { test } from 'uvu'
import { externalContract } from './external-contract.ts'
import { fakeBench } from './external-fake.ts'

externalContract('fake', fakeBench)

test.run()
